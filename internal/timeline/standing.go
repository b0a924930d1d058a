// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

// standing is what one server is doing. Its life, its role in raft and its work
// as leader move separately: a server may have lost (role) and still be
// establishing (work), which is the very thing a timeline is looked at for.
type standing struct {
	life  life
	role  role
	work  work
	stuck bool
	term  uint64
}

type (
	life uint8
	role uint8
	work uint8
)

const (
	unseen life = iota
	down
	running
)

const (
	follows role = iota
	stands
	leads
)

const (
	none work = iota
	establishing
	established
	revoking
)

// before guesses how a server stood before its first event.
func before(first Event) standing {
	s := standing{life: running, term: first.Term}
	switch first.Kind {
	case Loss, Establish:
		s.role = leads
	case Established:
		s.role, s.work = leads, establishing
	case Revoke:
		s.role, s.work = leads, established
	case Revoked:
		s.work = revoking
	case Down, Candidate, Gain, Stuck:
	default: // Up: it was not there, or nobody looked
		return standing{}
	}
	return s
}

// next returns how the server stands after e. Fault, Heal and Note concern it
// only in that a heal frees what is stuck.
func (s standing) next(e Event) standing {
	switch e.Kind {
	case Fault, Note:
		return s
	case Heal:
		s.stuck = false
		return s
	case Down:
		return standing{life: down}
	}
	if e.Kind != Loss {
		s.stuck = e.Kind == Stuck
	}
	s.life = running
	if e.Term != 0 {
		s.term = e.Term
	}
	return s.raft(e.Kind).working(e.Kind)
}

// raft moves the role.
func (s standing) raft(kind Kind) standing {
	switch kind {
	case Up, Loss:
		s.role = follows
	case Candidate:
		s.role = stands
	case Gain:
		s.role = leads
		if s.work == established {
			// It belongs to the former tenure: to draw it as this one's
			// would show a leader as serving that has yet to establish.
			s.work = revoking
		}
	}
	return s
}

// working moves the work.
func (s standing) working(kind Kind) standing {
	switch kind {
	case Establish:
		s.work = establishing
	case Established:
		s.work = established
	case Revoke:
		s.work = revoking
	case Revoked:
		s.work = none
	}
	return s
}

// owed tells that work of a tenure has outlived it, or is being undone.
func (s standing) owed() bool {
	return s.work == revoking || s.work == established && s.role != leads
}

// rank orders standings from gone to serving. Two changes that go the same way
// can share a column without a lie; one up and one down cannot. Standing for
// election ranks as following: it is tried for, not risen to.
func (s standing) rank() int {
	switch {
	case s.life != running:
		return int(s.life)
	case s.role != leads && s.work == none:
		return 3
	case s.role != leads:
		return 4
	case s.work == revoking:
		return 5 // as if all were undone: to finish a revoke is no rise
	}
	return 5 + int(s.work)
}

// step is one event of a server, and what it changed.
type step struct {
	Event
	was, is standing
}

// lost tells that a tenure ended here, by whatever kind of event.
func (s step) lost() bool { return s.was.role == leads && s.is.role != leads }

// again tells that a tenure began within one, so that a loss went unseen.
func (s step) again() bool { return s.Kind == Gain && s.was.role == leads }

// tally sums up the steps that fall into one column of a picture.
type tally struct {
	rose, fell, again    bool
	lost, revoked, stuck bool
	elections            int
}

func (c *tally) add(s step) {
	if s.was == s.is && s.Kind != Gain {
		return
	}
	c.rose = c.rose || s.is.rank() > s.was.rank()
	c.fell = c.fell || s.is.rank() < s.was.rank()
	c.again = c.again || s.again()
	c.lost = c.lost || s.lost()
	c.revoked = c.revoked || s.Kind == Revoked
	c.stuck = c.stuck || s.is.stuck
	if s.is.role == stands && s.was.role != stands {
		c.elections++
	}
}

// turned tells that one standing, or one way, would hide what happened.
func (c tally) turned() bool {
	return c.rose && c.fell || c.again || c.elections > 1
}
