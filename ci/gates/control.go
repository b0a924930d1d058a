// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// A control is a planted defect. The gate it is planted for must go red, and
// for this reason: a gate that is red because a tool is missing proves nothing.
type control struct {
	name  string
	gate  gate
	files map[string]string // laid over the healthy module
	want  string            // in the verdict or the output
}

// healthy passes every gate it is shown to.
var healthy = map[string]string{
	"go.mod":          "module planted\n\ngo 1.25.0\n",
	"planted.go":      "// Package planted is a control.\npackage planted\n",
	"planted_test.go": testFile("func TestHealthy(*testing.T) {}"),
	"proof_test.go":   testFile(`func TestProof(t *testing.T) { t.Log("proof: planted 2 flaps") }`),
}

const plantedFloors = `
gate/fmt 1 files
gate/tidy 1 modules
gate/lint 1 packages
gate/test 2 tests
gate/race-a 2 tests
gate/riscv64 1 packages
gate/nested 1 modules
gate/proof 1 tests
gate/fuzz 1 targets
gate/mutants 0 mutants
proof/planted 2 flaps
fuzz/execs 1 execs
`

func testFile(code string) string {
	return "package planted\n\nimport \"testing\"\n\n" + code + "\n"
}

func plantedControls() []control {
	fails := testFile(`func TestFails(t *testing.T) { t.Fatal("planted") }`)
	return []control{
		{"unformatted file", gate{"fmt", formatted}, map[string]string{"planted.go": "package  planted\n"}, "not formatted"},
		{"unchecked error", gate{"lint", lint}, map[string]string{
			"planted.go": "// Package planted is a control.\npackage planted\n\nimport \"os\"\n\n// F is.\nfunc F() { os.Remove(\"x\") }\n",
		}, "errcheck"},
		{"untidy module", gate{"tidy", tidy}, map[string]string{
			"go.mod": healthy["go.mod"] + "\nrequire github.com/hashicorp/raft v1.7.3\n",
		}, "-require"},
		{"failing test", gate{"test", warmTest}, map[string]string{"a_test.go": fails}, "failed: TestFails"},
		{"test that does not compile", gate{"test", warmTest}, map[string]string{"a_test.go": testFile("func TestX(")}, "failed: planted"},
		{"test that vanished", gate{"test", warmTest}, map[string]string{"planted_test.go": ""}, "below the floor"},
		{"data race", gate{"race-a", race()}, map[string]string{"a_test.go": testFile(plantedRace)}, "DATA RACE"},
		{"does not build on riscv64", gate{"riscv64", riscv64}, map[string]string{
			"leadership/a.go": "package leadership\n", "leadership/b_riscv64.go": "package leadership\n\nvar x int = \"\"\n",
			"internal/timeline/a.go": "package timeline\n", "peers/a.go": "package peers\n",
		}, "b_riscv64.go"},
		{"failing nested module", gate{"nested", nested}, map[string]string{
			"inner/go.mod": "module inner\n\ngo 1.25.0\n", "inner/a_test.go": fails,
		}, "failed: TestFails"},
		{"proof below its floor", gate{"proof", proof}, map[string]string{
			"proof_test.go": testFile(`func TestProof(t *testing.T) { t.Log("proof: planted 1 flaps") }`),
		}, "1 flaps is below the floor of 2"},
		{"proof that prints nothing", gate{"proof", proof}, map[string]string{
			"proof_test.go": testFile(`func TestProof(t *testing.T) {}`),
		}, `no line "proof: planted`},
		{"input that breaks a parser", gate{"fuzz", fuzz}, map[string]string{"a_test.go": testFile(plantedFuzz)}, "Failing input written"},
		{"mutants without a count", gate{"mutants", mutants}, map[string]string{
			"ci/mutants/main.go": "package main\n\nfunc main() {}\n",
		}, "no count"},
	}
}

const plantedRace = `func TestRace(*testing.T) {
	n, done := 0, make(chan bool)
	go func() { n++; close(done) }()
	n++
	<-done
}`

const plantedFuzz = `func FuzzX(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 {
			t.Fatal("planted")
		}
	})
}`

// controls shows every key gate a planted defect. Without this a gate that
// cannot fail looks like a gate that passes.
func controls(ctx context.Context, e *env) (int64, error) {
	r, text := try(ctx, e, control{gate: gate{"test", warmTest}})
	if r.err != nil {
		return 0, fmt.Errorf("a healthy module is red, so the controls would prove nothing: %w\n%s", r.err, text)
	}
	var count int64
	var errs []error
	for _, c := range plantedControls() {
		r, text := try(ctx, e, c)
		switch {
		case r.err == nil:
			errs = append(errs, fmt.Errorf("%s: gate %s stayed green", c.name, c.gate.name))
		case !strings.Contains(r.err.Error()+text, c.want):
			errs = append(errs, fmt.Errorf("%s: gate %s is red for another reason than %q: %w\n%s",
				c.name, c.gate.name, c.want, r.err, text))
		default:
			fmt.Fprintf(e.out, "red as it must be: %s (%s, %.1f s)\n", c.name, c.gate.name, r.took.Seconds())
			count++
		}
	}
	return count, errors.Join(errs...)
}

// try runs the control's gate, through runGate like any other, on a module of
// its own.
func try(ctx context.Context, e *env, c control) (result, string) {
	dir, err := os.MkdirTemp("", "raftkeel-control-")
	if err != nil {
		return result{err: err}, ""
	}
	defer func() { _ = os.RemoveAll(dir) }()
	table, err := parseFloors(strings.NewReader(plantedFloors))
	if err == nil {
		err = plant(dir, e.repo, c.files)
	}
	if err != nil {
		return result{err: err}, ""
	}
	var text bytes.Buffer
	r := runGate(ctx, &env{dir: dir, repo: e.repo, floors: table, out: &text}, c.gate)
	return r, text.String()
}

// plant writes the module. An empty text removes a file of the healthy module.
// The go.sum comes along so that no control needs a checksum server.
func plant(dir, repo string, overlay map[string]string) error {
	sums, err := os.ReadFile(filepath.Join(repo, "go.sum"))
	if err != nil {
		return err
	}
	files := maps.Clone(healthy)
	maps.Copy(files, overlay)
	if strings.Contains(files["go.mod"], "require") {
		files["go.sum"] = string(sums)
	}
	for name, text := range files {
		if text == "" {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
