// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// reasons maps an import path that is not in the standard library to why it
// may be imported.
type reasons map[string]string

// allowed lists every package of this module. What a library package imports
// directly, every user of it gets, so each line needs its reason.
var allowed = map[string]reasons{
	"leadership": {
		"github.com/hashicorp/raft":     "the server whose leadership it is",
		"github.com/hashicorp/go-hclog": "raft.Config.Logger is one, and the Runner speaks to operators",
	},
	"peers": {
		"github.com/hashicorp/raft":     "the server whose peers they are",
		"github.com/hashicorp/go-hclog": "raft.Config.Logger is one, and the Reconciler speaks to operators",
		module + "/internal/datadir":    "Inspect reads a directory without opening its stores",
	},
	"internal/datadir": {
		"github.com/hashicorp/raft": "what a log entry and a configuration are",
	},
	"internal/timeline": {},
	"internal/testcluster": {
		"github.com/hashicorp/raft":           "the servers of the cluster",
		"github.com/hashicorp/go-hclog":       "raft.Config.Logger is one",
		"github.com/hashicorp/raft-boltdb/v2": "test support only: clusters with real disks",
		module + "/internal/timeline":         "a failing test draws who led when",
	},
	"examples/flapping": {
		"github.com/hashicorp/raft":      "what the example is about",
		module + "/leadership":           "what the example is about",
		module + "/internal/testcluster": "an example runs without a network",
		module + "/internal/timeline":    "the example draws who led when",
	},
	"examples/kvserver": {
		"github.com/hashicorp/raft":           "what the example is about",
		"github.com/hashicorp/go-hclog":       "raft.Config.Logger is one",
		"github.com/hashicorp/raft-boltdb/v2": "a real server has a disk",
		module + "/leadership":                "what the example is about",
		module + "/peers":                     "what the example is about",
	},
	"examples/wiring": {
		"github.com/hashicorp/raft":     "what the example is about",
		"github.com/hashicorp/go-hclog": "raft.Config.Logger is one",
		module + "/leadership":          "what the example is about",
	},
	"ci/gates":   {},
	"ci/mutants": {},
	"ci/rules":   {},
}

// libraries are the packages other modules import. They never import each
// other, so that a user of one does not get the rest.
var libraries = []string{"leadership", "peers", "snapshotcheck"}

// neverTesting may not import testing, which puts test flags into programs.
var neverTesting = append(slices.Clone(libraries), "internal/timeline", "internal/testcluster")

// forbidden may not be anywhere below a library package, in either generation.
var forbidden = reasons{
	"github.com/boltdb/bolt":           "does not compile on riscv64, loong64 or wasm, and dies under -race",
	"go.etcd.io/bbolt":                 "loops for ever on some damaged files",
	"github.com/hashicorp/raft-boltdb": "imports both of the above",
	"github.com/hashicorp/serf":        "optional: belongs into a module of its own",
	"github.com/prometheus":            "metrics are the application's choice",
}

// pkg is the part of go list -json that the rules are about.
type pkg struct {
	ImportPath string
	Imports    []string // of the files that are not tests
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out
}

func decode(t *testing.T, list []byte) []pkg {
	t.Helper()
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(list)); dec.More(); {
		var p pkg
		require.NoError(t, dec.Decode(&p))
		pkgs = append(pkgs, p)
	}
	require.NotEmpty(t, pkgs)
	return pkgs
}

func checkImports(pkgs []pkg, allowed map[string]reasons) error {
	var errs []error
	for _, p := range pkgs {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		list, ok := allowed[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s has no entry in the allow-list", name))
			continue
		}
		for _, imp := range p.Imports {
			if err := checkImport(name, imp, list); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func checkImport(name, imp string, list reasons) error {
	first, _, _ := strings.Cut(imp, "/")
	switch {
	case slices.Contains(neverTesting, name) && (imp == "testing" || strings.HasPrefix(imp, "testing/")):
		return fmt.Errorf("%s imports %s", name, imp)
	case !strings.Contains(first, "."): // the standard library
		return nil
	case slices.Contains(libraries, name) && slices.Contains(libraries, strings.TrimPrefix(imp, module+"/")):
		return fmt.Errorf("%s imports %s: the library packages never import each other", name, imp)
	case list[imp] == "":
		return fmt.Errorf("%s imports %s, which is not on its allow-list", name, imp)
	}
	return nil
}

func checkForbidden(deps []string) error {
	var errs []error
	for _, dep := range deps {
		for path, why := range forbidden {
			if dep == path || strings.HasPrefix(dep, path+"/") {
				errs = append(errs, fmt.Errorf("depends on %s: %s", dep, why))
			}
		}
	}
	return errors.Join(errs...)
}

func TestDirectImports(t *testing.T) {
	require.NoError(t, checkImports(decode(t, goCommand(t, "list", "-json=ImportPath,Imports", "./...")), allowed))
}

func TestLibraryDependencies(t *testing.T) {
	for _, flag := range []string{"-modfile=go.mod", "-modfile=ci/gen-b.mod"} {
		deps := strings.Fields(string(goCommand(t, "list", flag, "-deps", "./leadership", "./peers", "./internal/timeline")))
		require.Contains(t, deps, "github.com/hashicorp/raft", flag)
		require.NoError(t, checkForbidden(deps), flag)
	}
}

func TestImportRulesCanBeBroken(t *testing.T) {
	for _, tc := range []struct{ name, imp, want string }{
		{"leadership", "github.com/hashicorp/raft-boltdb/v2", "not on its allow-list"},
		{"leadership", "testing", "leadership imports testing"},
		{"internal/testcluster", "testing/synctest", "imports testing/synctest"},
		{"leadership", module + "/peers", "never import each other"},
		{"internal/timeline", "github.com/hashicorp/raft", "not on its allow-list"},
		{"newcomer", "fmt", "newcomer has no entry"},
	} {
		seeded := []pkg{{ImportPath: module + "/" + tc.name, Imports: []string{tc.imp}}}
		require.ErrorContains(t, checkImports(seeded, allowed), tc.want)
	}
	require.ErrorContains(t, checkForbidden([]string{"fmt", "github.com/boltdb/bolt"}), "boltdb/bolt")
	require.ErrorContains(t, checkForbidden([]string{"github.com/prometheus/client_golang/prometheus"}), "prometheus")
}
