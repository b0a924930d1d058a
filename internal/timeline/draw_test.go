// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// script is a timeline in words, one event a line: ms server kind term text. The
// server "*" is the whole cluster.
func script(t testing.TB, lines string) Timeline {
	t.Helper()
	rec := NewRecorder(0)
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var ms int
		var e Event
		_, err := fmt.Sscan(f[0]+" "+f[3], &ms, &e.Term)
		require.NoError(t, err)
		require.NoError(t, e.Kind.UnmarshalText([]byte(f[2])))
		e.At = epoch.Add(time.Duration(ms) * time.Millisecond)
		e.Server = strings.TrimPrefix(f[1], "*")
		e.Text = strings.Join(f[4:], " ")
		rec.Record(e)
	}
	return rec.Timeline()
}

const tour = `
	0 n1 up 0
	0 n2 up 0
	0 n3 up 0
	600 n1 gain 4
	700 n1 establish 4
	1000 n1 established 4
	2500 * fault 0 partition n1 | n2 n3
	3000 n1 loss 4
	3050 n1 revoke 4
	3100 n1 revoked 4
	3300 n2 candidate 5
	3500 n2 gain 5
	3520 n2 establish 5
	4000 n2 loss 5
	4300 n2 established 5
	4300 n2 revoke 5
	4500 * heal 0 partition n1 | n2 n3
	4600 n2 revoked 5
	5000 n3 candidate 6
	5200 n3 gain 6
	5210 n3 establish 6
	5500 n3 established 6
	5700 n2 fault 0 disk hangs
	5750 n2 stuck 0
	6000 n1 down 0
	6100 n3 loss 6
	6105 n3 gain 7
	6110 n3 loss 7
	6115 n3 gain 8
	6400 n3 revoke 8
	6500 n3 revoked 8
	6600 n3 establish 8
	6700 n3 established 8
	6800 n2 heal 0 disk hangs
	6810 n2 up 0
	8000 * note 0 40 writes acknowledged, none lost
`

func scenes(t testing.TB) map[string]Timeline {
	all := map[string]Timeline{
		"empty":  {},
		"tour":   script(t, tour),
		"window": script(t, tour).Between(epoch.Add(3500*time.Millisecond), epoch.Add(4500*time.Millisecond)),
		"one":    script(t, "5 n1 gain 7"),
		"instant": script(t, `
			0 n1 up 0
			0 n1 gain 2
			0 n2 down 0
			0 n3 gain 3
			0 n3 loss 3
			0 * note 0 all at once`),
		"hostile": script(t, "0 <script>&\" up 0\n9 <script>&\" gain 1\n10 \x1b[31mn2\u202e loss 2 \x1b]0;x\x07 ]]> & \xff\n11 <script>&\" fault 0 </svg><script>\n12 n-with-a-name-far-too-long-to-stand-in-front-of-a-row.svc.cluster.local up 0"),
	}
	var nine, long strings.Builder
	for i := range 60 {
		fmt.Fprintf(&nine, "%d server-%d gain %d\n%d server-%d loss %d\n", i*i, i%9, i+1, i*i+i, i%9, i+1)
		fmt.Fprintf(&long, "%d n1 fault 0 number %d\n%d n2 note 0 number %d\n", i*1000, i, i*1000, i)
	}
	all["nine"], all["long"] = script(t, nine.String()), script(t, long.String())
	lossy := script(t, "0 n1 loss 8\n10 n2 revoked 8\n20 n3 established 9\n3700000 n3 down 0")
	lossy.Dropped = 12
	all["dropped"] = lossy
	return all
}

func TestGolden(t *testing.T) {
	for name, tl := range scenes(t) {
		var svg bytes.Buffer
		require.NoError(t, tl.SVG(&svg))
		golden(t, name+".svg", svg.String())
		golden(t, name+".txt", tl.Text(0))
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run with -update")
	require.Equal(t, string(want), got, name)
}

// random returns a timeline of any events in any order: nothing that the
// recorder's callers do may break a picture.
func random(rng *rand.Rand) Timeline {
	rec := NewRecorder(1 + rng.IntN(200))
	names := []string{"", "n1", "n2", "a\x1b\n<", strings.Repeat("é", 90)}
	spread := int64(1) << rng.IntN(62)
	for range rng.IntN(300) {
		rec.Record(Event{
			At:     epoch.Add(time.Duration(rng.Int64N(spread))),
			Server: names[rng.IntN(len(names))],
			Kind:   Up + Kind(rng.IntN(int(kinds-1))),
			Term:   rng.Uint64() >> rng.IntN(64),
			Text:   names[rng.IntN(len(names))],
		})
	}
	return rec.Timeline()
}

func TestGuarantee4_TextKeepsItsWidthAndItsASCII(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		tl := random(rng)
		for _, width := range []int{-1, 1, 33, 80, 200, 5000} {
			limit := map[int]int{-1: 80, 1: 40, 33: 40, 5000: 1000}[width]
			for line := range strings.Lines(tl.Text(width)) {
				line = strings.TrimSuffix(line, "\n")
				if len(line) > max(limit, min(width, 1000)) || strings.HasSuffix(line, " ") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Fatalf("width %d: %q", width, line)
				}
			}
		}
	}
}

func TestGuarantee5_EqualTimelinesGiveEqualBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		tl := random(rng)
		shuffledZones := arrange(tl)
		for i := range shuffledZones.Events {
			e := &shuffledZones.Events[i]
			e.At = e.At.In(time.FixedZone("", 60*i))
		}
		require.Equal(t, rendered(t, tl), rendered(t, shuffledZones))
	}
}

// rendered is all that can be made of a timeline.
func rendered(t *testing.T, tl Timeline) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, tl.SVG(&b))
	require.NoError(t, tl.WriteJSON(&b))
	return b.String() + tl.Text(0)
}

func TestGuarantee7_SVGIsWellFormedAndInert(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	all := scenes(t)
	for i := range 40 {
		all[fmt.Sprint("random ", i)] = random(rng)
	}
	for name, tl := range all {
		var svg bytes.Buffer
		require.NoError(t, tl.SVG(&svg))
		require.NoError(t, wellFormed(svg.String()), name)
	}
}

// wellFormed also refuses all that could run or load.
func wellFormed(svg string) error {
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "script", "image", "use", "a", "foreignObject", "style":
			return errors.New("has element " + start.Name.Local)
		}
		for _, a := range start.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
				return errors.New("has attribute " + a.Name.Local)
			}
		}
	}
}

func TestSVGReportsTheWriter(t *testing.T) {
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(io.ErrShortWrite))
	require.ErrorIs(t, script(t, tour).SVG(w), io.ErrShortWrite)
}
