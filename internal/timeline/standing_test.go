// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// row returns the ten columns of server in a picture that has no more.
func row(t *testing.T, tl Timeline, server string) string {
	t.Helper()
	var b strings.Builder
	p := tl.picture()
	for _, tr := range p.tracks {
		if tr.server == server {
			for _, m := range p.marks(tr, 10) {
				b.WriteByte(byte(m))
			}
		}
	}
	return b.String()
}

// Ten columns of 10 ms: the notes hold the edges.
func TestGuarantee3_AColumnHidesNoTurn(t *testing.T) {
	for _, c := range []struct{ name, events, want string }{
		{"a tenure begins in one column", "31 candidate 5|32 gain 5|33 establish 5|34 established 5", "...LLLLLLL"},
		{"a tenure ends in one column", "1 gain 5|2 establish 5|3 established 5|51 loss 5|52 revoke 5|53 revoked 5", "LLLLL!...."},
		{"lost, then revoked", "1 gain 5|2 establish 5|3 established 5|51 loss 5|61 revoke 5|81 revoked 5", "LLLLLxrr!."},
		{"gain and loss in one column", "1 up 0|31 gain 5|32 loss 5", "...#......"},
		{"loss and gain in one column", "1 up 0|11 gain 5|31 loss 5|32 gain 6", ".==#======"},
		{"gain upon gain", "1 up 0|11 gain 5|31 gain 6", ".==#======"},
		{"one election lost", "1 up 0|31 candidate 5|32 up 5", "...c......"},
		{"two elections lost", "1 up 0|31 candidate 5|32 up 5|33 candidate 6|34 up 6", "...#......"},
		{"split votes", "1 up 0|31 candidate 5|33 candidate 6|71 gain 6", "...cccc==="},
		{"a leader crashes", "1 up 0|11 gain 5|31 down 0|71 up 0", ".==x---..."},
		{"a quick restart", "1 up 0|31 down 0|32 up 0", "...#......"},
		{"establish outlives the tenure", "1 up 0|11 gain 5|21 establish 5|31 loss 5|61 established 5|81 revoked 5", ".=exeerr!."},
		{"former work in a new tenure", "1 up 0|11 gain 5|12 established 5|31 loss 5|51 gain 6|71 revoked 5", ".LLxrrr!=="},
		{"stuck until the next event", "1 up 0|11 gain 5|31 stuck 0|51 loss 5|71 up 5", ".==??x?..."},
		{"stuck until healed", "1 up 0|31 stuck 0|51 heal 0", "...??....."},
		{"first seen at its loss", "31 loss 5", "===x......"},
		{"first seen establishing", "31 establish 5", "===eeeeeee"},
		{"first seen serving", "31 revoke 5", "LLLrrrrrrr"},
		{"first seen going down", "31 down 0", "...-------"},
		{"revoked and stepped down at once", "1 up 0|11 gain 5|12 established 5|31 revoke 5|32 revoked 5|33 loss 5", ".LL!......"},
		{"stepped down after the revoke", "1 up 0|11 gain 5|12 established 5|31 revoke 5|51 revoked 5|71 loss 5", ".LLrr!=x.."},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("0 * note 0\n100 * note 0\n")
			for event := range strings.SplitSeq(c.events, "|") {
				f := strings.Fields(event)
				fmt.Fprintf(&b, "%s n1 %s %s\n", f[0], f[1], f[2])
			}
			require.Equal(t, c.want, row(t, script(t, b.String()), "n1"))
		})
	}
}

func TestHealEndsTheFaultsItNames(t *testing.T) {
	p := script(t, `
		0 n1 fault 0 disk
		0 n1 fault 0 net
		0 n2 fault 0 disk
		0 * fault 0 partition
		10 n1 heal 0 net
		20 n1 heal 0 something
		30 * heal 0
		40 n9 note 0 end`).picture()
	ends := map[string]time.Duration{}
	for _, f := range p.faults {
		require.False(t, f.open)
		ends[f.server+" "+f.text] = f.to / time.Millisecond
	}
	require.Equal(t, map[string]time.Duration{"n1 net": 10, "n1 disk": 20, "n2 disk": 30, " partition": 30}, ends)
}

func TestBetweenKeepsTheStanding(t *testing.T) {
	tl := script(t, "0 n1 up 0\n10 n1 gain 5\n90 n1 loss 5\n95 n2 up 0")
	cut := tl.Between(epoch.Add(20*time.Millisecond), epoch.Add(60*time.Millisecond))
	require.Equal(t, "==========", row(t, cut, "n1"))
	require.Equal(t, "          ", row(t, cut, "n2"))
	require.Equal(t, cut, cut.Between(time.Time{}, time.Time{}))
	require.NotPanics(t, func() { _ = cut.Between(epoch.Add(time.Hour), epoch).Text(0) })
}

func TestTheWholeClusterMoves(t *testing.T) {
	tl := script(t, "0 n1 up 0\n0 n2 gain 1\n50 * down 0\n99 n1 note 0")
	require.Equal(t, ".....-----", row(t, tl, "n1"))
	require.Equal(t, "=====x----", row(t, tl, "n2"))
}
