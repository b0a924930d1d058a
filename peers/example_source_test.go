// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/peers"
)

// A set of servers whose names are in DNS only while they are ready, as those of a
// headless service of Kubernetes: a name that resolves is evidence of life, and one that
// does not is none of death, so that server is left out, which is Unknown.
func ExampleFuncSource() {
	servers := []string{"kv-0", "kv-1", "kv-2"}
	source := peers.FuncSource(func(ctx context.Context) (peers.View, error) {
		var view peers.View
		var failed error
		for _, name := range servers {
			hosts, err := lookup(ctx, name+".kv.svc") // net.DefaultResolver.LookupHost
			if err != nil || len(hosts) != 1 {
				failed = errors.Join(failed, err)
				continue
			}
			view.Members = append(view.Members, peers.Member{
				ID:      raft.ServerID(name),
				Address: raft.ServerAddress(net.JoinHostPort(hosts[0], "8300")),
				Health:  peers.Alive,
			})
		}
		if len(view.Members) == 0 {
			return peers.View{}, failed // nothing was seen: nothing is concluded
		}
		return view, nil
	})

	addresses := peers.NewAddresses(source) // raft.NetworkTransportConfig.ServerAddressProvider
	for _, name := range servers {
		fmt.Println(addresses.ServerAddr(raft.ServerID(name)))
	}
	// Output:
	// 10.1.0.7:8300 <nil>
	// 10.1.0.9:8300 <nil>
	//  peers: discovery does not show "kv-2" alive, at one address of its own
}

// lookup stands for a resolver.
func lookup(_ context.Context, name string) ([]string, error) {
	zone := []string{"kv-0.kv.svc", "10.1.0.7", "kv-1.kv.svc", "10.1.0.9"}
	if i := slices.Index(zone, name); i >= 0 {
		return zone[i+1 : i+2], nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
