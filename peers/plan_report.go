// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// report finds what a person should know about the list, whatever is done about it.
func (x *picture) report() {
	for i := range x.peers {
		e := &x.peers[i]
		switch {
		case e.Suffrage != raft.Voter || e.live || e.stranger != "":
		case e.fault == CodeForeign:
			x.find(CodeForeign, Critical, e.ID, "stop it; one of the two clusters has to go", "a voter of another cluster: %s", x.evidence(e))
		case e.fault == CodeLostDisk:
			x.find(CodeLostDisk, Critical, e.ID, "it must not vote before it has caught up", "a voter that lost what it had: %s", x.evidence(e))
		default:
			x.find(CodeNotLive, Warning, e.ID, "", "a voter that does not count as live: %s", x.evidence(e))
		}
	}
	t := x.tally
	switch {
	case t.Voters == 0:
	case t.Slack() < 0:
		x.find(CodeNoQuorum, Critical, "", "bring one of them back; the list cannot be changed before", "%d of %d voters are live, and %d are needed", t.Live, t.Voters, t.Quorum())
	case t.Slack() == 0 && t.Voters > 1:
		x.find(CodeNoSlack, Warning, "", "bring a voter back, or add a server", "%d of %d voters are live, and all of them are needed", t.Live, t.Voters)
	case x.p.TargetVoters > 0 && t.Live > x.p.TargetVoters:
		x.find(CodeSurplus, Info, "", "let one leave if that is not wanted", "%d voters are live, and %d are wanted; no live voter is removed", t.Live, x.p.TargetVoters)
	}
	if n := t.Voters; x.suspects > (n-1)/2 {
		x.find(CodeMassSuspicion, Critical, "", "see whether this server is cut off; no vote is taken away meanwhile", "%d of %d voters look dead at once", x.suspects, n)
	}
	if t.Live < t.Voters && !x.absence {
		x.find(CodeNoWitness, Warning, "", "see whether discovery works", "%s", x.blindness())
	}
}

// blindness says why the view, or an absence from it, is no evidence.
func (x *picture) blindness() string {
	switch {
	case !x.s.View.Warm:
		return "the view cannot judge yet: it is not warm"
	case !x.witness:
		return "the view does not show this server alive, so it is no witness against others"
	}
	return "the view lacks more than half of the voters, so not being in it proves nothing"
}

// evidence is what raft, discovery and the server itself say of e.
func (x *picture) evidence(e *peer) string {
	contact := "raft hears from it"
	if e.silence > 0 {
		contact = fmt.Sprintf("raft has had no answer for %v", e.silence)
	}
	return contact + "; " + x.sighting(e.member) + "; " + x.testimony(e)
}

func (x *picture) sighting(m *Member) string {
	if m == nil {
		return "discovery does not show it"
	}
	said := ""
	if m.Forced {
		said = ", because somebody else said so"
	}
	if m.Since.IsZero() { // as of a list of servers that is no evidence
		return fmt.Sprintf("discovery calls it %v, and not since when%s", m.Health, said)
	}
	return fmt.Sprintf("discovery has called it %v for %v%s", m.Health, x.s.Now.Sub(m.Since).Round(time.Millisecond), said)
}

func (x *picture) testimony(e *peer) string {
	how := x.foreign(e, true)
	switch {
	case e.stranger != "":
		return fmt.Sprintf("%q answers in its place", e.stranger)
	case how != "":
		return how
	case !e.answers:
		return "it does not answer when it is asked"
	case !x.reply(e).HasState:
		return "it says that its stores are empty"
	case e.fault == CodeLostDisk:
		return fmt.Sprintf("it has %d entries, and had %d", x.reply(e).LastIndex, x.s.Known[e.ID])
	case e.fault == CodeInTheWay:
		return "it answers, and waits at a placeholder for its address"
	}
	return "it answers when it is asked"
}
