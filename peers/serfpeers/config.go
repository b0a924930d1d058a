// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package serfpeers

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Config says which members of Serf are raft servers, and how long to look before
// judging. The zero value takes every member with the tag role=server.
type Config struct {
	Role string // what the tag RoleTag of a server says; "": "server"

	// Cluster is what the tag ClusterTag of this cluster's servers says. Servers that say
	// something else, such as those of another data center on Serf's WAN pool, are no
	// members. "": every server is of this cluster.
	Cluster string

	RoleTag     string // "": "role"
	ClusterTag  string // "": "cluster"; Consul has "dc", Nomad "region"
	IDTag       string // the raft.ServerID; "": "id"
	PortTag     string // the port of raft's transport, at the address that Serf has; "": "port"
	NonvoterTag string // set, and not "", "0" or "false": it never wants a vote; "": "nonvoter"
	ZoneTag     string // "": "zone"

	// AbsentAfter is how long the source must have looked, after it first saw another
	// member alive, before its views are warm. A member that Serf has forgotten is
	// remembered for twice as long. 0: 10 min, as in peers.Policy.
	AbsentAfter time.Duration

	// Solo makes views warm without any other member. For a cluster of one.
	Solo bool

	Every  time.Duration // between two looks when Serf has no news; 0: 1 s
	Logger hclog.Logger  // nil: silent
}

// Validate says what is wrong with the configuration. It changes nothing.
func (c Config) Validate() error {
	var errs []error
	if c.AbsentAfter < 0 {
		errs = append(errs, fmt.Errorf("serfpeers: Config.AbsentAfter is %v: want 0 for its default, or more", c.AbsentAfter))
	}
	if c.Every < 0 {
		errs = append(errs, fmt.Errorf("serfpeers: Config.Every is %v: want 0 for its default, or more", c.Every))
	}
	seen := map[string]string{}
	d := c.withDefaults()
	if d.Every > 0 && d.AbsentAfter > 0 && d.Every >= d.AbsentAfter {
		errs = append(errs, fmt.Errorf("serfpeers: Config.Every is %v: want less than AbsentAfter, %v, or no view is ever warm", d.Every, d.AbsentAfter))
	}
	for _, t := range []struct{ field, tag string }{
		{"RoleTag", d.RoleTag},
		{"ClusterTag", d.ClusterTag},
		{"IDTag", d.IDTag},
		{"PortTag", d.PortTag},
		{"NonvoterTag", d.NonvoterTag},
		{"ZoneTag", d.ZoneTag},
	} {
		if other := seen[t.tag]; other != "" {
			errs = append(errs, fmt.Errorf("serfpeers: Config.%s and Config.%s are both %q: give each its own tag", other, t.field, t.tag))
		}
		seen[t.tag] = t.field
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	for _, s := range []struct {
		field     *string
		otherwise string
	}{
		{&c.Role, "server"},
		{&c.RoleTag, "role"},
		{&c.ClusterTag, "cluster"},
		{&c.IDTag, "id"},
		{&c.PortTag, "port"},
		{&c.NonvoterTag, "nonvoter"},
		{&c.ZoneTag, "zone"},
	} {
		if *s.field == "" {
			*s.field = s.otherwise
		}
	}
	if c.AbsentAfter == 0 {
		c.AbsentAfter = 10 * time.Minute
	}
	if c.Every == 0 {
		c.Every = time.Second
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}
