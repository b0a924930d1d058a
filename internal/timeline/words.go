// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package timeline

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ascii returns s with all but printable ASCII escaped as in Go, so that a name
// can neither break a row nor speak to the terminal.
func ascii(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if n == 1 && ' ' <= r && r <= '~' {
			b.WriteByte(s[0])
		} else {
			q := strconv.QuoteToASCII(s[:n])
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// shorten cuts s to n characters. It takes them from the middle: servers are told
// apart by either end of their names.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	head := n / 2
	return string(r[:head]) + "~" + string(r[len(r)-(n-1-head):])
}

// escape makes s safe as XML text, and shows what does not print (ESC, characters
// that turn the reading direction) as U+FFFD.
func escape(s string) string {
	var b strings.Builder
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	_ = xml.EscapeText(&b, []byte(printable)) // a strings.Builder takes it all
	return b.String()
}

func plural[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return fmt.Sprint(n, " ", one)
	}
	return fmt.Sprint(n, " ", many)
}
