// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

// mark is one column of one server.
type mark byte

const (
	markUnseen   mark = ' '
	markDown     mark = '-'
	markFollows  mark = '.'
	markStands   mark = 'c'
	markLeads    mark = '='
	markWorks    mark = 'e'
	markServes   mark = 'L'
	markOwed     mark = 'r'
	markRevoked  mark = '!'
	markLost     mark = 'x'
	markStuck    mark = '?'
	markSeveral  mark = '#'
	markMore     mark = '+' // in the rows of labels
	markUnlisted mark = '*'
)

// meanings is the legend, in its order.
var meanings = []struct {
	mark mark
	text string
}{
	{markStands, "stands for election"},
	{markLeads, "leads"},
	{markWorks, "establish"},
	{markServes, "leads, established"},
	{markOwed, "revoke owed or running"},
	{markRevoked, "revoked"},
	{markLost, "lost"},
	{markStuck, "stuck"},
	{markFollows, "follows"},
	{markDown, "down"},
	{markSeveral, "several changes"},
	{markMore, "more terms"},
}

func (m mark) meaning() string {
	for _, entry := range meanings {
		if entry.mark == m {
			return entry.text
		}
	}
	return ""
}

// mark is how a lasting standing is drawn.
func (s standing) mark() mark {
	switch {
	case s.life == unseen:
		return markUnseen
	case s.life == down:
		return markDown
	case s.stuck:
		return markStuck
	case s.owed():
		return markOwed
	case s.work == establishing:
		return markWorks
	case s.role == leads && s.work == established:
		return markServes
	case s.role == leads:
		return markLeads
	case s.role == stands:
		return markStands
	}
	return markFollows
}

// mark is how the column c is drawn at whose end the server stands as is. An end
// beats the standing after it, since it is seen nowhere else; of the two ends
// revoked beats lost, since it tells more.
func (c tally) mark(is standing) mark {
	switch {
	case c.turned():
		return markSeveral
	case c.revoked && is.work == none:
		return markRevoked
	case c.lost:
		return markLost
	case c.stuck:
		return markStuck
	case c.elections > 0 && is.mark() == markFollows:
		return markStands
	}
	return is.mark()
}

// marks draws the track in n columns.
func (p picture) marks(tr track, n int) []mark {
	row := make([]mark, 0, n)
	now := tr.first
	for i := 0; len(row) < n; {
		var c tally
		for ; i < len(tr.steps) && p.place(tr.at[i], n) == len(row); i++ {
			c.add(tr.steps[i])
			now = tr.steps[i].is
		}
		row = append(row, c.mark(now))
	}
	return row
}
