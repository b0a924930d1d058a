// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"net/http"
)

// ProbePath is where a Local should be served, so that both ends agree.
const ProbePath = "/raftkeel/peers"

// ServeHTTP answers GET with the Reply, as JSON, from NewLocal on. It tells the list of
// servers and their addresses to whoever asks: serve it where only the servers of the
// cluster reach it, or behind the authentication that they use among each other.
func (l *Local) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // an old answer is a wrong one
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "peers: want GET", http.StatusMethodNotAllowed)
		return
	}
	data, err := json.Marshal(l.Reply())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // who asked has gone
}
