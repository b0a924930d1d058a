// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/raft"
)

// check is about what the entries mean, each alone and together.
func (p *parser) check(config ParseConfig) {
	if len(p.entries) == 0 {
		p.report(p.start, FileEmpty, "no servers", "list every server, this one too")
		return
	}
	for _, e := range p.entries {
		p.checkEntry(e)
	}
	p.checkUnique()
	p.checkVoters(config)
	p.checkLocal(config.Local)
}

func (p *parser) checkEntry(e entry) {
	if e.plain != p.entries[0].plain {
		p.report(e.at, FileMixed, "an entry of another form than the first",
			`write all of them as {"id", "address", "non_voter"}, or all as "host:port"`)
	}
	if e.id < 0 {
		p.report(e.at, FileMissingKey, `no "id"`, "write the id that this server has in raft.Config.LocalID")
	} else if err := checkID(string(e.server.ID)); err != nil && !e.plain {
		p.report(e.id, FileBadID, "the id "+quote(string(e.server.ID))+": "+err.Error(), "write it as it is in raft.Config.LocalID")
	}
	if e.address < 0 {
		p.report(e.at, FileMissingKey, `no "address"`, "write host:port of its raft transport")
	} else if _, _, err := splitAddress(string(e.server.Address)); err != nil {
		p.report(e.address, FileBadAddress, "the address "+quote(string(e.server.Address))+": "+err.Error(),
			`write what others dial for raft, such as "10.0.0.1:8300", without scheme and blanks`)
	}
}

// checkID refuses what looks like another id to a person, or like none.
func checkID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("empty")
	case len(id) > maxAddress:
		return fmt.Errorf("longer than %d bytes", maxAddress)
	case strings.TrimSpace(id) != id:
		return fmt.Errorf("it begins or ends with a blank")
	case strings.ContainsRune(id, utf8.RuneError):
		return fmt.Errorf("it holds a character that was lost before")
	}
	if i := strings.IndexFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		return fmt.Errorf("it holds a character that does not print, at byte %d", i)
	}
	return nil
}

// checkUnique compares canonical addresses: raft compares strings, and takes two
// spellings of one endpoint for two servers, whose votes it counts twice.
func (p *parser) checkUnique() {
	ids, addresses := map[raft.ServerID]entry{}, map[string]entry{}
	for _, e := range p.entries {
		if first, ok := ids[e.server.ID]; ok && e.id >= 0 && !e.plain {
			p.report(e.id, FileDuplicateID, fmt.Sprintf("the id %s, which is that of %s, too", quote(string(e.server.ID)), quote(string(first.server.Address))),
				"give each server its own id; remove the entry that is wrong")
		}
		address := canonical(e.server.Address)
		if first, ok := addresses[address]; ok && e.address >= 0 {
			p.report(e.address, FileDuplicateAddress, fmt.Sprintf("the address %s, at which %s is already (as %s)",
				quote(string(e.server.Address)), quote(string(first.server.ID)), quote(string(first.server.Address))),
				"one server would vote twice: remove the entry that is wrong")
		}
		ids[e.server.ID], addresses[address] = e, e
	}
}

func (p *parser) checkVoters(config ParseConfig) {
	voters := 0
	for _, e := range p.entries {
		if e.server.Suffrage == raft.Voter {
			voters++
		}
	}
	if voters == 0 {
		p.report(p.start, FileNoVoter, "no voter", `nobody could lead: remove "non_voter": true from the best-informed server`)
	}
	if len(p.entries) == 1 && !config.AllowSingle {
		p.report(p.entries[0].at, FileSingle, "a single server: N servers with such a file are N clusters, each of which takes writes",
			"list every server that is to remain; if it really is the only one, allow that explicitly")
	}
}

// checkLocal makes sure that the list was made for a cluster with this server. raft
// takes one that lacks it, and then waits in silence.
func (p *parser) checkLocal(local raft.Server) {
	if local.ID == "" {
		return
	}
	var there raft.ServerID // who is listed at our address
	for _, e := range p.entries {
		same := local.Address != "" && canonical(e.server.Address) == canonical(local.Address)
		if e.server.ID == local.ID {
			if !same && local.Address != "" {
				p.report(e.address, FileLocalElsewhere, fmt.Sprintf("this server, %s, at %s, but it is at %s",
					quote(string(local.ID)), quote(string(e.server.Address)), quote(string(local.Address))),
					"write the address it has now, in the files of all servers")
			}
			return
		}
		if same {
			there = e.server.ID
		}
	}
	detail, advice := fmt.Sprintf("this server, %s, is not in the list", quote(string(local.ID))), "add it, in the files of all servers"
	switch {
	case there != "" && p.entries[0].plain:
		advice = `in this form the address is the id, and here it is not: write {"id", "address", "non_voter"}`
	case there != "":
		detail += fmt.Sprintf("; at its address %s there is %s", quote(string(local.Address)), quote(string(there)))
		advice = "correct the id; this may be the file of another cluster"
	}
	p.report(p.start, FileNoLocal, detail, advice)
}
