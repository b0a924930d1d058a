// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

func TestStaticSourceShowsTheListAsItStands(t *testing.T) {
	source := StaticSource{Members: []Member{{ID: "n1", Address: "10.0.0.1:8300"}, {ID: "n2", Address: "10.0.0.2:8300", Nonvoter: true}}}
	view, err := source.View(t.Context())
	require.NoError(t, err)
	require.Equal(t, source.Members, view.Members)
	require.False(t, view.Warm, "a file is no witness")
	require.Equal(t, Unknown, view.Members[0].Health, "a file proves nothing about life")
	require.False(t, view.Taken.IsZero())

	view.Members[0].ID = "changed"
	require.Equal(t, raft.ServerID("n1"), source.Members[0].ID, "what a caller does to its view is its own affair")

	_, err = StaticSource{}.View(t.Context())
	require.ErrorContains(t, err, "view-empty: discovery shows no members")
}

func TestFuncSource(t *testing.T) {
	cause := errors.New("no resolver")
	_, err := FuncSource(func(context.Context) (View, error) { return View{}, cause }).View(t.Context())
	require.ErrorIs(t, err, cause)
	_, err = FuncSource(nil).View(t.Context())
	require.ErrorContains(t, err, "FuncSource is nil")
}

func TestCheckNamesWhatIsWrongWithAView(t *testing.T) {
	good := Member{ID: "n1", Address: "10.0.0.1:8300", Health: Alive}
	for _, tc := range []struct {
		name   string
		member Member
		code   Code
		say    string
	}{
		{"fine", Member{ID: "n2", Address: "10.0.0.2:8300", Health: Alive}, "", ""},
		{"who left made room", Member{ID: "n2", Address: "10.0.0.1:8300", Health: Left}, "", ""},
		{"no id", Member{Address: "10.0.0.2:8300"}, ViewBadID, `"10.0.0.2:8300": empty`},
		{"no port", Member{ID: "n2", Address: "10.0.0.2"}, ViewBadAddress, `"n2": its address "10.0.0.2": want host:port`},
		{"same id", Member{ID: "n1", Address: "10.0.0.2:8300"}, ViewDuplicateID, `"n1": it is shown more than once, also at "10.0.0.2:8300"`},
		{"same address", Member{ID: "n2", Address: "[::ffff:10.0.0.1]:08300", Health: Alive}, ViewDuplicateAddress, `"n2": it is alive at "[::ffff:10.0.0.1]:08300", and so is "n1"`},
	} {
		findings := View{Members: []Member{good, tc.member}}.Check()
		if tc.code == "" {
			require.Empty(t, findings, tc.name)
			continue
		}
		require.Len(t, findings, 1, tc.name)
		require.Equal(t, tc.code, findings[0].Code, tc.name)
		require.Contains(t, findings[0].String(), tc.say, tc.name)
		require.NotEmpty(t, findings[0].Advice)
	}
	findings := View{Members: make([]Member, maxServers+1)}.Check()
	require.Len(t, findings, 1)
	require.True(t, strings.HasPrefix(findings[0].String(), "critical view-too-many: discovery shows 1001 members"))
}
