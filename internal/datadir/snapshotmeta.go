// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// maxMeta is room for 10,000 servers.
const maxMeta = 1 << 20

// snapshot reads the metadata of one snapshot, and compares what is there twice. Nothing
// protects meta.json: of its single-bit flips, raft accepts 44 % with another meaning.
func (d *Dir) snapshot(dir, name string) Snapshot {
	s := Snapshot{Name: name, Size: -1}
	state, err := d.stat(join(dir, name, "state.bin"), 0)
	if err == nil {
		s.Size = state.Size()
	} else {
		s.Flaws = append(s.Flaws, err)
	}
	file := join(dir, name, "meta.json")
	raw, err := d.ReadFile(file, maxMeta)
	if err != nil {
		s.Flaws = append(s.Flaws, err)
		return s
	}
	if err := s.decode(raw); err != nil {
		var where *json.SyntaxError
		off := int64(-1)
		if errors.As(err, &where) {
			off = where.Offset
		}
		s.Flaws = append(s.Flaws, &Error{file, off, "raft passes this snapshot over", err})
		return s
	}
	for _, why := range append(strict(raw), s.contradictions()...) {
		s.Flaws = append(s.Flaws, &Error{file, -1, why, nil})
	}
	return s
}

// decode reads meta.json as raft does: one value, whatever follows (file_snapshot.go,
// readMeta and getSnapshots).
func (s *Snapshot) decode(raw []byte) error {
	var meta struct {
		raft.SnapshotMeta
		CRC []byte
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&meta); err != nil {
		return err
	}
	if v := meta.Version; v < raft.SnapshotVersionMin || v > raft.SnapshotVersionMax {
		return fmt.Errorf("version %d; raft knows %d to %d", v, raft.SnapshotVersionMin, raft.SnapshotVersionMax)
	}
	s.Meta, s.CRC = &meta.SnapshotMeta, meta.CRC
	return nil
}

// strict says what raft overlooks: keys it does not know, and bytes behind the value. A
// flipped bit in a key makes the value vanish for raft.
func strict(raw []byte) (why []string) {
	var meta struct {
		raft.SnapshotMeta
		CRC []byte
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&meta); err != nil {
		return []string{err.Error()}
	}
	if dec.More() {
		why = append(why, fmt.Sprintf("bytes follow the value at byte %d", dec.InputOffset()))
	}
	return why
}

// contradictions compares the parts of the metadata with each other, the name and the state.
func (s *Snapshot) contradictions() (why []string) {
	m := s.Meta
	say := func(bad bool, format string, args ...any) {
		if bad {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	// raft deletes by the ID, not by the name (file_snapshot.go, ReapSnapshots).
	say(m.ID != s.Name, "ID %q in the directory %q: raft may delete the wrong one", m.ID, s.Name)
	term, index, ok := parseName(s.Name)
	say(!ok, "the directory %q is not named <term>-<index>-<milliseconds>", s.Name)
	say(ok && (term != m.Term || index != m.Index), "term %d and index %d; the name says %d and %d", m.Term, m.Index, term, index)
	say(m.Term == 0 || m.Index == 0, "term %d, index %d", m.Term, m.Index)
	say(s.Size >= 0 && s.Size != m.Size, "state.bin has %d bytes; this says %d", s.Size, m.Size)
	say(len(s.CRC) != 8, "a checksum of %d bytes; want 8", len(s.CRC))
	if m.Version > 0 {
		say(len(m.Configuration.Servers) == 0, "no configuration")
		say(m.ConfigurationIndex > m.Index, "configuration of entry %d in a snapshot at %d", m.ConfigurationIndex, m.Index)
	}
	return why
}
