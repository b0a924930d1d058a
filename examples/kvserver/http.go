// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/raftkeel/raftkeel/leadership"
	"github.com/raftkeel/raftkeel/peers"
)

const patience = 5 * time.Second // with one request

var (
	errNotServing = errors.New("this server does not lead, or is not ready to")
	errNoKey      = errors.New("there is no such key")
	errRequest    = errors.New("want a key of 1 to 1024 bytes, and of a read stale=1 or nothing")
)

// webServer answers from the first moment on: the other servers, who ask who this is,
// and clients, through the door.
func webServer(local *peers.Local, clients http.Handler) *http.Server {
	mux := http.NewServeMux()
	mux.Handle(peers.ProbePath, local)
	mux.Handle("/", clients)
	return &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: 3 * patience, MaxHeaderBytes: 8 * maxKey}
}

// door is shut until raft runs. Until then it says what that waits for.
type door struct {
	handler atomic.Pointer[http.HandlerFunc]
}

func newDoor() *door {
	d := &door{}
	d.wait(peers.Verdict{Reason: "starting"})
	return d
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*d.handler.Load())(w, r) }

func (d *door) wait(v peers.Verdict) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusServiceUnavailable, map[string]any{"error": "not yet: " + v.Reason, "leader": ""})
	})
	d.handler.Store(&h)
}

func (d *door) open(a *api) {
	h := http.HandlerFunc(a.mux().ServeHTTP)
	d.handler.Store(&h)
}

// api answers clients. README.md says what its answers mean.
type api struct {
	id         string
	raft       *raft.Raft
	runner     *leadership.Runner
	reconciler *peers.Reconciler
	store      *store
}

func (a *api) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /kv/{key}": a.get, "PUT /kv/{key}": a.put, "DELETE /kv/{key}": a.remove,
		"GET /status": a.status, "GET /health": a.health, "POST /transfer": a.transfer,
	} {
		mux.Handle(pattern, http.MaxBytesHandler(a.answer(h), maxValue))
	}
	return mux
}

// handler returns the status and the body: bytes, an error, or what becomes JSON.
type handler func(r *http.Request) (int, any)

func (a *api) answer(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		code, body := h(r.WithContext(ctx))
		if err, ok := body.(error); ok {
			body = map[string]any{"error": err.Error(), "leader": a.leader()}
		}
		write(w, code, body)
	}
}

func write(w http.ResponseWriter, code int, body any) {
	b, raw := body.([]byte)
	w.Header().Set("Content-Type", "application/octet-stream")
	if !raw {
		w.Header().Set("Content-Type", "application/json")
		b, _ = json.Marshal(body) // all of it is plain data
	}
	w.WriteHeader(code)
	_, _ = w.Write(b) // to a client that may be gone
}

func (a *api) get(r *http.Request) (int, any) {
	key, stale := r.PathValue("key"), r.URL.Query().Get("stale")
	if len(key) > maxKey || stale != "" && stale != "1" {
		return http.StatusBadRequest, errRequest
	}
	if stale == "" {
		s := a.runner.Session()
		if s == nil {
			return http.StatusServiceUnavailable, errNotServing
		}
		if err := s.ReadBarrier(r.Context()); err != nil {
			return http.StatusServiceUnavailable, err
		}
	}
	if value, ok := a.store.get(key); ok {
		return http.StatusOK, value
	}
	return http.StatusNotFound, errNoKey
}

func (a *api) put(r *http.Request) (int, any) {
	value, err := io.ReadAll(r.Body)
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge, err
	}
	if err != nil {
		return http.StatusBadRequest, err
	}
	return a.write(r, command{op: put, value: value})
}

func (a *api) remove(r *http.Request) (int, any) { return a.write(r, command{op: remove}) }

func (a *api) write(r *http.Request, c command) (int, any) {
	if c.key = r.PathValue("key"); len(c.key) > maxKey {
		return http.StatusBadRequest, errRequest
	}
	s := a.runner.Session()
	if s == nil {
		return http.StatusServiceUnavailable, errNotServing
	}
	index, err := apply(r.Context(), s, c)
	switch {
	case errors.Is(err, leadership.ErrOutcomeUnknown):
		return http.StatusGatewayTimeout, err
	case err != nil: // before it was in the log, or by the store
		return http.StatusServiceUnavailable, err
	}
	return http.StatusOK, map[string]any{"index": index, "token": s.Token().String()}
}

func (a *api) status(*http.Request) (int, any) {
	s, list := a.runner.Status(), a.reconciler.Status()
	return http.StatusOK, map[string]any{
		"id": a.id, "leader": a.leader(), "health": s.Health().String(), "runner": s,
		"servers": serverLines(list.Servers), "plan": planLines(list),
	}
}

func serverLines(list []raft.Server) (lines []string) {
	for _, s := range list {
		lines = append(lines, fmt.Sprintf("%s %s %s", s.ID, s.Address, strings.ToLower(s.Suffrage.String())))
	}
	return lines
}

// planLines is what the leader does about the list of servers, or why it does not.
func planLines(list peers.Status) []string {
	switch {
	case !list.Leading:
		return nil
	case list.Err != nil:
		return []string{list.Err.Error()}
	}
	return strings.Split(strings.TrimSpace(list.Plan.String()), "\n")
}

func (a *api) health(*http.Request) (int, any) {
	h := a.runner.Status().Health()
	body := h.String() + "\n"
	if err := a.runner.Check(); err != nil {
		body += err.Error() + "\n"
	}
	return healthCode(h), []byte(body)
}

func healthCode(h leadership.Health) int {
	if h == leadership.Follower || h == leadership.Ready {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

func (a *api) transfer(r *http.Request) (int, any) {
	err := a.runner.Transfer(r.Context(), raft.ServerID(r.URL.Query().Get("to")))
	switch {
	case err != nil && r.Context().Err() != nil: // it goes on: a context bounds the wait alone
		return http.StatusGatewayTimeout, err
	case err != nil:
		return http.StatusServiceUnavailable, err
	}
	return http.StatusOK, struct{}{}
}

// apply replicates c under the token of s, and returns its place in the log.
// The error may be the store's own.
func apply(ctx context.Context, s *leadership.Session, c command) (uint64, error) {
	c.token = s.Token()
	refused, index, err := s.Apply(ctx, c.encode())
	if err == nil {
		err, _ = refused.(error)
	}
	return index, err
}

// leader is who leads, as far as raft knows.
func (a *api) leader() raft.ServerID {
	_, id := a.raft.LeaderWithID()
	return id
}
