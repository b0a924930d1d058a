// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

const (
	plainThree = `["10.0.0.1:8300", "10.0.0.2:8300", "10.0.0.3:8300"]`
	fullTwo    = `[{"id": "n1", "address": "10.0.0.1:8300", "non_voter": false}, {"id": "n2", "address": "10.0.0.2:8300", "non_voter": true}]`
)

// with is a full list with one more entry, which begins at column 54.
func with(entry string) string {
	return `[{"id": "n1", "address": "10.0.0.1:8300"},` + "\n" + entry + `]`
}

// refusals are all that ParsePeers refuses. Those that raft takes are the difference
// between the two; the numbered ones are those that were measured first.
var refusals = []struct {
	name, data string
	codes      []Code
	line, col  int    // of the first
	say        string // in its text
	raftTakes  bool
}{
	{"1 single entry", `["10.0.0.1:8300"]`, []Code{FileSingle}, 1, 2, "N servers with such a file are N clusters", true},
	{"1 single full entry", `[{"id": "n1", "address": "10.0.0.1:8300"}]`, []Code{FileSingle}, 1, 2, "N clusters", true},
	// 2, a list without this server, is TestF7_ThisServerMustBeListed.
	{"3 trailing garbage", plainThree + "\n x", []Code{FileTrailing}, 2, 2, "raft would not read it", true},
	{"4 second list", `["10.0.0.1:8300","10.0.0.2:8300"]["10.0.0.3:8300"]`, []Code{FileTrailing}, 1, 34, "move it into the list", true},
	{"5 nonvoter", with(`{"id": "n2", "address": "10.0.0.2:8300", "nonvoter": true}`), []Code{FileUnknownKey}, 2, 42, `write "non_voter"`, true},
	{"6 Suffrage in words", with(`{"id": "n2", "address": "10.0.0.2:8300", "Suffrage": "Nonvoter"}`), []Code{FileUnknownKey}, 2, 42, `write "non_voter": true for a nonvoter`, true},
	{"7 Suffrage as a number", with(`{"id": "n2", "address": "10.0.0.2:8300", "Suffrage": 1}`), []Code{FileUnknownKey}, 2, 42, "raft would make a voter of it", true},
	{"8 duplicate key", with(`{"id": "n2", "id": "n3", "address": "10.0.0.2:8300"}`), []Code{FileDuplicateKey}, 2, 14, "keep one", true},
	{"9 no port", `["10.0.0.1:8300", "10.0.0.2"]`, []Code{FileBadAddress}, 1, 19, "want host:port", true},
	{"10 port 99999", `["10.0.0.1:8300", "10.0.0.2:99999"]`, []Code{FileBadAddress}, 1, 19, "want 1 to 65535", true},
	{"10 port 0", `["10.0.0.1:8300", "10.0.0.2:0"]`, []Code{FileBadAddress}, 1, 19, "want 1 to 65535", true},
	{"11 0.0.0.0", `["10.0.0.1:8300", "0.0.0.0:8300"]`, []Code{FileBadAddress}, 1, 19, "no address that others can dial", true},
	{"11 ::", `["10.0.0.1:8300", "[::]:8300"]`, []Code{FileBadAddress}, 1, 19, "no address that others can dial", true},
	{"12 scheme", `["10.0.0.1:8300", "http://10.0.0.2:8300"]`, []Code{FileBadAddress}, 1, 19, "without scheme", true},
	{"13 leading blank", `["10.0.0.1:8300", " 10.0.0.2:8300"]`, []Code{FileBadAddress}, 1, 19, "blanks", true},
	{"14 blank in id", with(`{"id": "n2 ", "address": "10.0.0.2:8300"}`), []Code{FileBadID}, 2, 8, "ends with a blank", true},
	{"15 NUL in id", with(`{"id": "n\u0000", "address": "10.0.0.2:8300"}`), []Code{FileBadID}, 2, 8, "does not print", true},
	{"16 not UTF-8", with("{\"id\": \"n\xff\", \"address\": \"10.0.0.2:8300\"}"), []Code{FileEncoding}, 2, 10, "byte 0xff is not UTF-8", true},
	{"17 alias", `["10.0.0.1:8300", "[::ffff:10.0.0.1]:8300"]`, []Code{FileDuplicateAddress}, 1, 19, "would vote twice", true},
	{"alias by capitals", `["a.example:8300", "A.example.:08300"]`, []Code{FileDuplicateAddress}, 1, 20, "would vote twice", true},
	{"key in capitals", with(`{"ID": "n2", "address": "10.0.0.2:8300"}`), []Code{FileMissingKey, FileUnknownKey}, 2, 1, `no "id"`, true},
	{"non_voter in capitals", with(`{"id": "n2", "address": "10.0.0.2:8300", "Non_Voter": true}`), []Code{FileUnknownKey}, 2, 42, `write "non_voter"`, true},
	{"unknown key with a list", with(`{"id": "n2", "address": "10.0.0.2:8300", "tags": [{"a": []}]}`), []Code{FileUnknownKey}, 2, 42, "remove it", true},
	{"non_voter null", with(`{"id": "n2", "address": "10.0.0.2:8300", "non_voter": null}`), []Code{FileBadValue}, 2, 55, "true or false", true},
	{"lost character", with(`{"id": "n\ud800", "address": "10.0.0.2:8300"}`), []Code{FileBadID}, 2, 8, "was lost before", true},
	{"too long", plainThree + strings.Repeat(" ", maxFile), []Code{FileTooLarge}, 1, maxFile + 1, "look for the right file", true},
	{"too many", "[" + manyServers(maxServers+1) + "]", []Code{FileTooMany}, 1001, 1, "not their clients", true},

	{"nothing", "", []Code{FileEmpty}, 1, 1, "no servers", false},
	{"blanks", " \n\t", []Code{FileEmpty}, 2, 2, "no servers", false},
	{"null", "null", []Code{FileEmpty}, 1, 1, "no servers", false},
	{"empty list", "[]", []Code{FileEmpty}, 1, 1, "list every server", false},
	{"null entry", `[null]`, []Code{FileBadEntry}, 1, 2, "no server", false},
	{"number", `[1, 2]`, []Code{FileBadEntry}, 1, 2, "no server", false},
	{"object", `{"servers": [{"id": "n1"}]}`, []Code{FileNotList}, 1, 1, "without names around it", false},
	{"string", `"10.0.0.1:8300"`, []Code{FileNotList}, 1, 1, "no list", false},
	{"truncated", `["10.0.0.1:8300",`, []Code{FileSyntax}, 1, 18, "cut short", false},
	{"truncated string", `["10.0.0.1:8300", "10.0`, []Code{FileSyntax}, 1, 19, "does not end", false},
	{"trailing comma", `["10.0.0.1:8300",]`, []Code{FileSyntax}, 1, 18, "found ], want a server after the comma", false},
	{"no comma", "[\"10.0.0.1:8300\"\n\"10.0.0.2:8300\"]", []Code{FileSyntax}, 2, 1, "want , or ]", false},
	{"comment", "[ // ours\n\"10.0.0.1:8300\"]", []Code{FileSyntax}, 1, 3, "JSON has none", false},
	{"single quotes", `['10.0.0.1:8300']`, []Code{FileSyntax}, 1, 2, `write " instead`, false},
	{"BOM", "\xef\xbb\xbf" + plainThree, []Code{FileEncoding}, 1, 1, "without BOM", false},
	{"UTF-16", "\xff\xfe[\x00]\x00", []Code{FileEncoding}, 1, 1, "UTF-16", false},
	{"NUL", "[\x00]", []Code{FileSyntax}, 1, 2, `\x00`, false},
	{"line break in a string", "[\"10.0.0.1:8300\n\"]", []Code{FileSyntax}, 1, 2, "line breaks", false},
	{"mixed", `[{"id": "n1", "address": "10.0.0.1:8300"}, "10.0.0.2:8300"]`, []Code{FileMixed}, 1, 44, "all of them as", false},
	{"no id", with(`{"address": "10.0.0.2:8300"}`), []Code{FileMissingKey}, 2, 1, `no "id"`, false},
	{"no address", with(`{"id": "n2"}`), []Code{FileMissingKey}, 2, 1, `no "address"`, false},
	{"empty id", with(`{"id": "", "address": "10.0.0.2:8300"}`), []Code{FileBadID}, 2, 8, "empty", false},
	{"duplicate id", with(`{"id": "n1", "address": "10.0.0.2:8300"}`), []Code{FileDuplicateID}, 2, 8, `that of "10.0.0.1:8300", too`, false},
	{"duplicate address", with(`{"id": "n2", "address": "10.0.0.1:8300"}`), []Code{FileDuplicateAddress}, 2, 25, `at which "n1" is already`, false},
	{"number for id", with(`{"id": 2, "address": "10.0.0.2:8300"}`), []Code{FileBadValue}, 2, 8, "in quotes", false},
	{"word for non_voter", with(`{"id": "n2", "address": "10.0.0.2:8300", "non_voter": "true"}`), []Code{FileBadValue}, 2, 55, "without quotes", false},
	{"no voter", `[{"id": "n1", "address": "a:1", "non_voter": true}, {"id": "n2", "address": "b:1", "non_voter": true}]`, []Code{FileNoVoter}, 1, 1, "nobody could lead", false},
	{"no colon", `[{"id" "n1"}]`, []Code{FileSyntax}, 1, 8, "a colon", false},
	{"no value", `[{"id":, "address": "a:1"}]`, []Code{FileSyntax}, 1, 8, "a value", false},
	{"key without quotes", `[{id: "n1"}]`, []Code{FileSyntax}, 1, 3, "a key in quotes", false},
}

func manyServers(n int) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`"10.0.%d.%d:8300"`, i/250, i%250)
	}
	return strings.Join(lines, ",\n")
}

// raftReads is what raft's own parsers make of data, and which of them took it; 0: none.
func raftReads(t testing.TB, path string, data []byte) (servers []raft.Server, protocol int) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, data, 0o600))
	if conf, err := raft.ReadConfigJSON(path); err == nil {
		return conf.Servers, 3
	}
	if conf, err := raft.ReadPeersJSON(path); err == nil {
		return conf.Servers, 2
	}
	return nil, 0
}

func TestGuarantee15_EveryRefusalHasAPlaceAndAdvice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	for _, tc := range refusals {
		t.Run(tc.name, func(t *testing.T) {
			file, err := ParsePeers([]byte(tc.data), ParseConfig{})
			require.Empty(t, file)
			var failure *FileError
			require.ErrorAs(t, err, &failure)
			first := failure.Problems[0]
			require.Equal(t, tc.line, first.Line)
			require.Equal(t, tc.col, first.Column)
			require.ElementsMatch(t, tc.codes, codesOf(failure))
			require.Contains(t, err.Error(), tc.say)
			for _, p := range failure.Problems {
				require.NotEmpty(t, p.Advice)
				require.NotContains(t, p.String(), "\n")
			}
			_, protocol := raftReads(t, path, []byte(tc.data))
			require.Equal(t, tc.raftTakes, protocol != 0, "the table of differences is out of date")
		})
	}
}

func codesOf(e *FileError) (codes []Code) {
	for _, p := range e.Problems {
		codes = append(codes, p.Code)
	}
	return codes
}

// differs are the codes for which raft may take what we refuse.
var differs = []Code{
	FileTooLarge, FileEncoding, FileTrailing, FileTooMany, FileUnknownKey, FileDuplicateKey,
	FileBadValue, FileBadID, FileBadAddress, FileDuplicateAddress, FileSingle,
}

// compare holds ParsePeers against raft: what we take means the same, and what only raft
// takes is refused for one of the reasons in the table. It reports whether we take it.
func compare(t testing.TB, path string, data []byte) bool {
	file, err := ParsePeers(data, ParseConfig{AllowSingle: true})
	if err != nil {
		var failure *FileError
		require.ErrorAs(t, err, &failure)
		require.NotEmpty(t, failure.Problems)
		return false
	}
	servers, protocol := raftReads(t, path, data)
	require.Equal(t, protocol, file.Protocol, "%q", data)
	require.Equal(t, servers, file.Servers, "%q", data)
	return true
}

// compareRefusal is the other half of compare. What is no list for encoding/json is none
// for raft, which costs no disk to know.
func compareRefusal(t testing.TB, path string, data []byte) {
	var list []json.RawMessage
	if json.NewDecoder(bytes.NewReader(data)).Decode(&list) != nil {
		return
	}
	_, err := ParsePeers(data, ParseConfig{AllowSingle: true})
	if _, protocol := raftReads(t, path, data); err == nil || protocol == 0 {
		return
	}
	codes := codesOf(err.(*FileError))
	require.True(t, slices.ContainsFunc(codes, func(c Code) bool { return slices.Contains(differs, c) }), "raft takes it, we say %v", err)
	for _, c := range codes {
		require.NotContains(t, []Code{FileSyntax, FileNotList, FileEmpty, FileBadEntry, FileMixed}, c, "raft takes it, we say %v", err)
	}
}

// accepted are files that both take, in the many ways that people and programs write them.
var accepted = []string{
	plainThree,
	fullTwo,
	"[\r\n\t\"a.example:8300\",\r\n\t\"b.example:8300\"\r\n]\r\n",
	`["172.17.0.30:8300","172.17.0.31:8300","172.17.0.32:8300"]`,
	`["[2001:db8::1]:8300","[fe80::1%eth0]:8300"]`,
	`[{"address":"n1:1","id":"adf4238a-882b-9ddc-4a9d-5b6758e4159e"},{"address":"n2:1","id":"8b6dda82-3103-11e7-93ae-92361f002671","non_voter":false}]`,
	`[{"non_voter":true,"id":"ä b","address":"n1.svc.cluster.local:8300"},{"id":"\u006e2","address":"n2_a:08300"}]`,
	`[{"\u0069d":"<&>","address":"a:1"},{"id":"/","address":"b:1"}]`,
	`[{"id":"only","address":"10.0.0.1:8300"}]`,
	`["A:1"]`,
}

func TestGuarantee15_WhatItAcceptsMeansTheSameToRaft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	for _, data := range accepted {
		require.True(t, compare(t, path, []byte(data)), data)
	}
}

// Every truncation and every flipped bit of ten files.
func TestGuarantee15_DamageIsRefusedOrMeansTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	taken, refused := 0, 0
	try := func(data []byte) {
		if compare(t, path, data) {
			taken++
		} else {
			refused++
		}
	}
	for _, file := range accepted {
		for i := range len(file) {
			try([]byte(file[:i]))
			damaged := []byte(file)
			for bit := range 8 {
				damaged[i] = file[i] ^ 1<<bit
				try(damaged)
			}
		}
	}
	require.Greater(t, taken, 1000, "some bits only change a name")
	require.Greater(t, refused, 4000)
}

func TestF6_ASingleEntryNeedsAYes(t *testing.T) {
	for _, data := range []string{"null", "[]", ""} {
		_, err := ParsePeers([]byte(data), ParseConfig{AllowSingle: true})
		require.ErrorContains(t, err, "no servers")
	}
	_, err := ParsePeers([]byte(`["10.0.0.1:8300"]`), ParseConfig{})
	require.ErrorContains(t, err, "N servers with such a file are N clusters")
	file, err := ParsePeers([]byte(`["10.0.0.1:8300"]`), ParseConfig{AllowSingle: true})
	require.NoError(t, err)
	require.Equal(t, File{2, []raft.Server{{ID: "10.0.0.1:8300", Address: "10.0.0.1:8300"}}}, file)
}

func TestF7_ThisServerMustBeListed(t *testing.T) {
	for _, tc := range []struct {
		name, data string
		local      raft.Server
		code       Code
		say        string
	}{
		{"there", fullTwo, raft.Server{ID: "n2", Address: "[::ffff:10.0.0.2]:8300"}, "", ""},
		{"there, address unknown", fullTwo, raft.Server{ID: "n2"}, "", ""},
		{"there, by address", plainThree, raft.Server{ID: "10.0.0.2:8300", Address: "10.0.0.2:8300"}, "", ""},
		{"left out", fullTwo, raft.Server{ID: "n3", Address: "10.0.0.3:8300"}, FileNoLocal, `"n3", is not in the list; add it, in the files of all servers`},
		{"left out of the old form", plainThree, raft.Server{ID: "10.0.0.4:8300", Address: "10.0.0.4:8300"}, FileNoLocal, "add it"},
		{"old form, other id", plainThree, raft.Server{ID: "n1", Address: "10.0.0.1:8300"}, FileNoLocal, "the address is the id, and here it is not"},
		{"another id at our address", fullTwo, raft.Server{ID: "n3", Address: "10.0.0.1:8300"}, FileNoLocal, `there is "n1"; correct the id`},
		{"elsewhere", fullTwo, raft.Server{ID: "n2", Address: "10.0.0.9:8300"}, FileLocalElsewhere, `"n2", at "10.0.0.2:8300", but it is at "10.0.0.9:8300"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParsePeers([]byte(tc.data), ParseConfig{Local: tc.local})
			if tc.code == "" {
				require.NoError(t, err)
				return
			}
			var failure *FileError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, []Code{tc.code}, codesOf(failure))
			require.ErrorContains(t, err, tc.say)
			require.NotZero(t, failure.Problems[0].Column)
		})
	}
}

// F36: a typo in non_voter made a voter, and nobody was told.
func TestF36_ATypoNeverMakesAVoter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	for _, key := range []string{"nonvoter", "non-voter", "nonVoter", "NonVoter", "NON_VOTER", "is_nonvoter", "suffrage", "Suffrage", "Voter"} {
		data := []byte(with(`{"id": "n2", "address": "10.0.0.2:8300", "` + key + `": true}`))
		_, err := ParsePeers(data, ParseConfig{})
		require.ErrorContains(t, err, `"non_voter"`, key)
		require.ErrorContains(t, err, "line 2, column 42", key)
		servers, _ := raftReads(t, path, data)
		require.Len(t, servers, 2, "raft takes it: %s", key)
	}
}

func TestGuarantee15_AllProblemsAtOnceAndNoMoreThanTwenty(t *testing.T) {
	_, err := ParsePeers([]byte(with(`{"id": "n1", "address": "10.0.0.1", "nonvoter": true}`)), ParseConfig{Local: raft.Server{ID: "x"}})
	var failure *FileError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, []Code{FileNoLocal, FileDuplicateID, FileBadAddress, FileUnknownKey}, codesOf(failure), "by their place")

	_, err = ParsePeers([]byte("["+strings.Repeat(`"x",`, 500)+`"x"]`), ParseConfig{})
	require.ErrorAs(t, err, &failure)
	require.Len(t, failure.Problems, maxProblems)
}

// What is built to be expensive costs no more than its length, and is not repeated.
func TestGuarantee15_BoundedInTimeAndText(t *testing.T) {
	deep := maxFile / 8
	for name, data := range map[string]string{
		"lists in lists":     strings.Repeat("[", maxFile),
		"objects in objects": `[{"a":` + strings.Repeat(`{"a":`, deep),
		"one long string":    `["` + strings.Repeat("x", maxFile-10) + `"]`,
		"one long key":       `[{"` + strings.Repeat("x", maxFile-10) + `":1}]`,
		"many keys":          `[{` + strings.Repeat(`"a":1,`, deep) + `"b":1}]`,
		"many servers":       "[" + strings.Repeat(`"x",`, deep) + `"x"]`,
		"many quotes":        `["` + strings.Repeat(`\"`, deep) + `"]`,
	} {
		start := time.Now()
		_, err := ParsePeers([]byte(data), ParseConfig{})
		require.Error(t, err, name)
		require.Less(t, len(err.Error()), 8000, name)
		require.Less(t, time.Since(start), 20*time.Second, "%s: more than linear", name)
	}
}

func TestGuarantee15_ReadPeersNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "peers.json")
	_, err := ReadPeers(path, ParseConfig{})
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, os.WriteFile(path, []byte("[]"), 0o600))
	_, err = ReadPeers(path, ParseConfig{})
	require.ErrorContains(t, err, path+": line 1, column 1: ")
	var failure *FileError
	require.True(t, errors.As(err, &failure) && failure.Path == path)

	require.NoError(t, os.WriteFile(path, []byte(fullTwo), 0o600))
	file, err := ReadPeers(path, ParseConfig{Local: raft.Server{ID: "n1", Address: "10.0.0.1:8300"}})
	require.NoError(t, err)
	require.Equal(t, File{3, []raft.Server{{ID: "n1", Address: "10.0.0.1:8300"}, {ID: "n2", Address: "10.0.0.2:8300", Suffrage: raft.Nonvoter}}}, file)

	_, err = ReadPeers(dir, ParseConfig{})
	require.ErrorContains(t, err, "no regular file")
}
