// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/hashicorp/raft"
)

// What the index probe asks to be added, and what must never be.
const (
	probeID      raft.ServerID      = "raftkeel-index-probe"
	probeAddress raft.ServerAddress = "index-probe.invalid:1"
)

// ErrNoIndex says that the index of the newest configuration cannot be learnt, without
// which no change can be made safely.
var ErrNoIndex = errors.New("peers: the index of the configuration cannot be learnt; this release of raft needs a release of raftkeel that knows it")

// probeIndex learns the index of the newest configuration. raft tells it to nobody
// (GetConfiguration().Index() is 0 on a running server), but it says it to a change
// that names a wrong one, before it looks at anything else of that change
// (configuration.go, nextConfiguration). An answer also proves that this server believes
// to lead, that no change is in flight, and that it has committed an entry of its own
// term: raft takes no change before that (raft.go, configurationChangeChIfStable).
func (r *Reconciler) probeIndex(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.RaftTimeout)
	defer cancel()
	return errand(ctx, &r.errands, "raft, for the index", func(context.Context) (uint64, error) {
		err := r.raft.AddNonvoter(probeID, probeAddress, math.MaxUint64, r.conf.RaftTimeout).Error()
		if index, ok := latestIn(err); ok {
			return index, nil
		}
		switch {
		case err == nil:
			return 0, fmt.Errorf("%w: it has added %q, which must be removed by hand", ErrNoIndex, string(probeID))
		case isRefusal(err) || errors.Is(err, raft.ErrLeadershipLost) || errors.Is(err, raft.ErrRaftShutdown):
			return 0, fmt.Errorf("peers: ask raft for the index of the configuration: %w", err)
		}
		return r.indexOtherwise(err)
	})
}

// indexOtherwise finds the index when raft has changed its words: in the log, or from
// the last change of our own.
func (r *Reconciler) indexOtherwise(because error) (uint64, error) {
	servers := r.servers()
	if index := r.local.indexOf(servers); index > 0 {
		return index, nil
	}
	if mark := r.mark.Load(); mark != nil && mark.digest == DigestOf(servers) {
		return mark.index, nil
	}
	return 0, fmt.Errorf("%w: raft said: %w", ErrNoIndex, because)
}

// mark is a configuration of which we know the index because we made it.
type mark struct {
	index  uint64
	digest Digest
}

// latestIn reads raft's refusal of a change that was planned for another
// configuration. There is no other way; a test pins the words for each release.
func latestIn(err error) (latest uint64, ok bool) {
	if err == nil {
		return 0, false
	}
	const words = "configuration changed since %d (latest is %d)"
	var since uint64
	if _, bad := fmt.Sscanf(err.Error(), words, &since, &latest); bad != nil {
		return 0, false
	}
	return latest, err.Error() == fmt.Sprintf(words, since, latest) && latest > 0
}
