// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

// Why a change is made.
const (
	CodeRecovered Code = "recovered"     // a recovered list is in no log yet; others still hold the old one
	CodeMoved     Code = "moved"         // the server answers at another address than the list has
	CodeInTheWay  Code = "in-the-way"    // its address is another server's now
	CodeNewcomer  Code = "newcomer"      // alive, one of ours, and not in the list
	CodeCaughtUp  Code = "caught-up"     // proven: stable, ours, and close behind the leader
	CodeDead      Code = "dead"          // two independent witnesses say so
	CodeLeaving   Code = "leaving"       // it asked to be removed
	CodeLostDisk  Code = "lost-disk"     // a voter that has forgotten its votes; also a finding
	CodeGoneSpare Code = "gone-nonvoter" // a nonvoter that two witnesses call dead; it costs no quorum
)

// Why a change that is wanted is not made. Some are findings, too.
const (
	CodeNoQuorum       Code = "no-quorum"        // after it the live voters would be no quorum, or are none before
	CodeSlack          Code = "slack"            // after it fewer voters could fail than now
	CodeMinVoters      Code = "min-voters"       // below Policy.MinVoters
	CodeParity         Code = "parity"           // it gains nothing: one dead voter of an odd number
	CodeTarget         Code = "target"           // Policy.TargetVoters is 0: nothing is taken away automatically
	CodeRate           Code = "rate"             // too soon after the last removal, or too many
	CodeNewLeader      Code = "new-leader"       // this server has not led for Policy.DeadAfter
	CodeMassSuspicion  Code = "mass-suspicion"   // more than a minority look dead: rather this server is cut off
	CodeAnswers        Code = "answers"          // both witnesses call it dead, and it answers
	CodeNoReply        Code = "no-reply"         // it did not say who it is
	CodeWrongServer    Code = "wrong-server"     // another server answers there
	CodeForeign        Code = "foreign"          // of another cluster, or with another list at the same index
	CodeBlank          Code = "blank"            // its stores hold nothing yet
	CodeNotRunning     Code = "not-running"      // it answers, and its raft does not run
	CodeLag            Code = "lag"              // it lacks more than Policy.MaxLag entries
	CodeNoContact      Code = "no-contact"       // raft has no answer from it
	CodeUnstable       Code = "unstable"         // not alive for Policy.StableFor yet
	CodeBadAddress     Code = "bad-address"      // discovery has an address that cannot be dialled
	CodeAddressDiffers Code = "address-differs"  // discovery and the server name different addresses
	CodeAddressTaken   Code = "address-taken"    // by a server that is live and does not move
	CodeDuplicate      Code = "duplicate-server" // an id or a canonical address that occurs twice
)

// What else a person should know.
const (
	CodeNotVoter  Code = "not-voter"  // who looks has no vote in this list: it must not decide
	CodeNotLive   Code = "not-live"   // a voter that is not known to live, with the evidence
	CodeMissing   Code = "missing"    // alive, and not in the list
	CodeNoSlack   Code = "no-slack"   // no further voter may fail
	CodeSurplus   Code = "surplus"    // more live voters than Policy.TargetVoters; left alone
	CodeNoWitness Code = "no-witness" // the view is no evidence against a server, or none by absence
	CodeBadMember Code = "bad-member" // a member without an id
)

// Why a server may leave or not, beside those above.
const (
	CodeNotListed Code = "not-listed" // nothing to leave
	CodeLastVoter Code = "last-voter" // the group would end with it
	CodeMinSlack  Code = "min-slack"  // after it fewer than Policy.MinSlack more voters could fail

	CodeNoSuccessor Code = "no-successor" // this server leads, and nobody who stays can be named to lead
)
