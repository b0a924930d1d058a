// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/raftkeel/raftkeel/peers/serfpeers"
)

// Three servers on loopback find each other; the first one shows what it sees to a
// Reconciler.
func Example() {
	source, err := serfpeers.New(serfpeers.Config{Cluster: "prod"})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { err = source.Run(ctx) }) // before Serf, which then never waits

	conf := config("n1")
	if err := source.Listen(conf); err != nil {
		log.Fatal(err)
	}
	first := create(conf)
	if err := source.Attach(first); err != nil {
		log.Fatal(err)
	}
	others := []*serf.Serf{create(config("n2")), create(config("n3"))}
	for _, other := range others {
		if _, err := other.Join([]string{fmt.Sprintf("127.0.0.1:%d", conf.MemberlistConfig.BindPort)}, true); err != nil {
			log.Fatal(err)
		}
	}

	view, viewErr := source.View(ctx) // what the Reconciler calls
	for ; viewErr == nil && len(view.Members) < 3; view, viewErr = source.View(ctx) {
		<-source.Changes()
	}
	for _, m := range view.Members {
		fmt.Println(m.ID, m.Address, m.Health)
	}
	fmt.Println("warm:", view.Warm) // it has not looked for long enough to call anybody absent

	for _, sf := range append(others, first) {
		if err := sf.Shutdown(); err != nil {
			log.Fatal(err)
		}
	}
	wg.Wait()
	fmt.Println(err)
	// Output:
	// n1 127.0.0.1:8300 alive
	// n2 127.0.0.1:8300 alive
	// n3 127.0.0.1:8300 alive
	// warm: false
	// serfpeers: serf has shut down: its list is no longer true
}

func config(name string) *serf.Config {
	conf := serf.DefaultConfig()
	conf.NodeName, conf.LogOutput = name, io.Discard
	conf.Tags = map[string]string{"role": "server", "cluster": "prod", "id": name, "port": "8300"}
	conf.MemberlistConfig = memberlist.DefaultLocalConfig()
	conf.MemberlistConfig.BindAddr, conf.MemberlistConfig.BindPort = "127.0.0.1", 0
	conf.MemberlistConfig.LogOutput = io.Discard
	return conf
}

func create(conf *serf.Config) *serf.Serf {
	sf, err := serf.Create(conf)
	if err != nil {
		log.Fatal(err)
	}
	return sf
}
