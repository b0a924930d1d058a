// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hashicorp/raft"
)

// maxAddress is more than a DNS name, a colon and a port.
const maxAddress = 512

// parkedSuffix ends the addresses of servers that are out of the way for one step of
// a swap. RFC 2606 promises that nothing is ever reached there.
const parkedSuffix = ".parked.invalid:1"

// canonical is one spelling for all that name the same endpoint: ::ffff:10.0.0.1 is
// 10.0.0.1, names are in lower case and without the final dot, ports without zeros. What
// is no host:port stands for itself. Names are not resolved.
func canonical(a raft.ServerAddress) string {
	if isPlain(string(a)) {
		return string(a)
	}
	host, port, err := splitAddress(string(a))
	if err != nil {
		return string(a)
	}
	return net.JoinHostPort(host, port)
}

// splitAddress takes a canonical host and port out of an address that can be dialled.
func splitAddress(a string) (host, port string, err error) {
	if len(a) > maxAddress {
		return "", "", fmt.Errorf("longer than %d bytes", maxAddress)
	}
	host, port, err = net.SplitHostPort(a)
	if err != nil {
		return "", "", fmt.Errorf("want host:port")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", "", fmt.Errorf("port %q: want 1 to 65535", port)
	}
	port = strconv.FormatUint(n, 10)
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() {
			return "", "", fmt.Errorf("%s is no address that others can dial", ip)
		}
		return ip.String(), port, nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !isName(host) {
		return "", "", fmt.Errorf("host %q: want an IP address or a name of letters, digits, dots and dashes", host)
	}
	return host, port, nil
}

// isName takes underscores, too: Docker and Kubernetes resolve such names.
func isName(host string) bool {
	if host == "" {
		return false
	}
	for _, r := range host {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_' {
			return false
		}
	}
	return !strings.HasPrefix(host, ".") && !strings.Contains(host, "..")
}

// isPlain reports whether a is surely canonical: a lower-case name or an IPv4 address, and
// a port without zeros before it. Most addresses are, and are not worth an allocation.
func isPlain(a string) bool {
	host, port, ok := strings.Cut(a, ":")
	if !ok || host == "" || strings.HasSuffix(host, ".") || port == "" || port[0] == '0' {
		return false
	}
	for i := range len(host) {
		if c := host[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
	}
	return true
}
