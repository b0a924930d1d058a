// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func encoded(t testing.TB, tl Timeline) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, tl.WriteJSON(&b))
	return b.String()
}

const format = `{"schema":1,"from":"2000-01-01T00:00:00Z","dropped":2,"events":[
{"at":"2000-01-01T00:00:00.000000005Z","server":"n1","kind":"gain","term":4},
{"at":"2000-01-01T00:00:01Z","kind":"note","text":"<done>"}
]}
`

func TestTheFormatIsStable(t *testing.T) {
	tl := Timeline{From: epoch, Dropped: 2, Events: []Event{
		{At: epoch.Add(time.Second).In(time.FixedZone("", 3600)), Kind: Note, Text: "<done>"},
		{At: epoch.Add(5), Server: "n1", Kind: Gain, Term: 4},
	}}
	require.Equal(t, format, encoded(t, tl))
	got, err := Read(strings.NewReader(format))
	require.NoError(t, err)
	require.Equal(t, arrange(tl), got)
}

func TestGuarantee6_ReadTakesWhatWriteJSONWrites(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		tl := random(rng)
		got, err := Read(strings.NewReader(encoded(t, tl)))
		require.NoError(t, err)
		require.Equal(t, encoded(t, tl), encoded(t, got))
		require.Equal(t, tl.Text(0), got.Text(0))
	}
}

func TestGuarantee6_ReadRefusesTheRest(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{``, "line 1, column 1: unexpected end"},
		{`[]`, "want '{'"},
		{`null`, "want '{'"},
		{`{}`, `member "schema" is missing`},
		{`{"schema":1}`, `member "events" is missing`},
		{`{"schema":2,"events":[]}`, "schema: is 2, want 1"},
		{`{"schema":1,"events":null}`, "want '['"},
		{`{"schema":1,"events":[]}x`, "column 25: invalid character 'x' after top-level value"},
		{`{"schema":1,"events":[],"extra":0}`, "extra: unknown member"},
		{`{"schema":1,"schema":1,"events":[]}`, "schema: repeated member"},
		{`{"schema":1,"events":[],"dropped":-1}`, "dropped: cannot unmarshal"},
		{`{"schema":1,"events":[],"dropped":null}`, "dropped: is null"},
		{"{\"schema\":1,\"events\":[\n{}]}", `line 2, column 2: events[0]: member "at" is missing`},
		{`{"schema":1,"events":[7]}`, "events[0]: want '{'"},
		{event(`"at":"2000-01-01T00:00:00Z","kind":"gone"`), `events[0].kind: unknown kind "gone"`},
		{event(`"at":"2000-01-01T00:00:00Z","kind":1`), "events[0].kind: cannot unmarshal"},
		{event(`"at":"2000-01-01T00:00:00Z","Kind":"up"`), "events[0].Kind: unknown member"},
		{event(`"at":"2000-01-01T00:00:00Z","kind":"up","\u001b<` + strings.Repeat("x", 99) + `":1`), "xx: unknown member"},
		{event(`"at":"yesterday","kind":"up"`), "events[0].at: parsing time"},
		{event(`"at":"9999-12-31T23:59:59-01:00","kind":"up"`), "events[0].at: in UTC, outside"},
		{event(`"kind":"up"`), `member "at" is missing`},
	} {
		_, err := Read(strings.NewReader(c.in))
		require.ErrorContains(t, err, c.want, c.in)
		require.NotContains(t, err.Error(), "\x1b")
		require.Less(t, len(err.Error()), 300)
	}
	_, err := Read(strings.NewReader(strings.Repeat(" ", MaxSize+1)))
	require.ErrorIs(t, err, ErrTooLarge)
}

func event(members string) string {
	return `{"schema":1,"events":[{` + members + `}]}`
}

func TestGuarantee6_ReadRefusesEveryTruncation(t *testing.T) {
	whole := strings.TrimSpace(format)
	for n := range len(whole) {
		_, err := Read(strings.NewReader(whole[:n]))
		require.Error(t, err, whole[:n])
	}
}

func TestWriteJSONRefusesWhatReadWould(t *testing.T) {
	require.Error(t, Timeline{Events: []Event{{At: epoch}}}.WriteJSON(&bytes.Buffer{}))
	huge := Timeline{Events: []Event{{At: epoch, Kind: Note, Text: strings.Repeat("x", MaxSize)}}}
	require.ErrorIs(t, huge.WriteJSON(&bytes.Buffer{}), ErrTooLarge)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(format))
	for _, tl := range scenes(f) {
		f.Add([]byte(encoded(f, tl)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tl, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := tl.WriteJSON(&b); err != nil {
			// Escaping can make a recording longer, never for another reason fail.
			require.ErrorIs(t, err, ErrTooLarge)
			return
		}
		again, err := Read(bytes.NewReader(b.Bytes()))
		require.NoError(t, err)
		require.Equal(t, tl, again)
		require.NotEmpty(t, tl.Text(0))
		require.NoError(t, tl.SVG(&b))
	})
}
