// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/hashicorp/raft"
)

// maxRefusal is how much of an answer that is no reply an error quotes.
const maxRefusal = 256

// NewHTTPProber asks for what [Local] serves. endpoint says where that of a server is,
// such as "http://10.0.0.1:8080" + ProbePath; it must be safe for use by many
// goroutines. It returns "" for a server that it knows no place for.
//
// client is used as it is, but redirects are not followed: what answers elsewhere is
// somebody else. nil is a client that uses no proxy. A probe ends with its context or
// with client.Timeout, and reads at most 1 MiB.
func NewHTTPProber(client *http.Client, endpoint func(raft.Server) string) Prober {
	p := &httpProber{endpoint: endpoint}
	if client != nil {
		p.client = *client
	} else {
		p.client.Transport = &http.Transport{MaxResponseHeaderBytes: 1 << 16, MaxIdleConnsPerHost: 1}
	}
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p
}

type httpProber struct {
	client   http.Client
	endpoint func(raft.Server) string
}

// Probe names the server and the place in its errors.
func (p *httpProber) Probe(ctx context.Context, server raft.Server) (Reply, error) {
	place := p.endpoint(server)
	if place == "" {
		return Reply{}, fmt.Errorf("peers: probe of %s: no place to ask is known", quote(string(server.ID)))
	}
	reply, err := p.ask(ctx, place)
	if err != nil {
		return Reply{}, fmt.Errorf("peers: probe of %s at %s: %w", quote(string(server.ID)), redacted(place), err)
	}
	return reply, nil
}

func (p *httpProber) ask(ctx context.Context, place string) (Reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return Reply{}, withoutURL(err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return Reply{}, withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }() // what matters was read
	data, err := io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	if err != nil {
		return Reply{}, err
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode != http.StatusOK || kind != "application/json" {
		return Reply{}, fmt.Errorf("status %d, content type %q, %q: is Local served there?",
			response.StatusCode, kind, data[:min(len(data), maxRefusal)])
	}
	var reply Reply
	if len(data) > maxReply {
		return Reply{}, fmt.Errorf("an answer of more than %d bytes", maxReply)
	}
	return reply, json.Unmarshal(data, &reply)
}

// withoutURL drops the place from an error, which is named once already, and in full.
func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// redacted is place without a password.
func redacted(place string) string {
	u, err := url.Parse(place)
	if err != nil {
		return "a place that is no URL"
	}
	return u.Redacted()
}
