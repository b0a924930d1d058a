// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// copy makes one file of the copy, and reads it back: a disk that acknowledges what it
// does not keep is found before anything is changed.
func (b *backup) copy(ctx context.Context, path, to string) (copiedFile, error) {
	from, err := os.Open(filepath.Join(b.root, filepath.FromSlash(path)))
	if err != nil {
		return copiedFile{}, err
	}
	defer from.Close() //nolint:errcheck // it was only read
	target := filepath.Join(to, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return copiedFile{}, err
	}
	f, err := os.OpenFile(target, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return copiedFile{}, err
	}
	written, err := b.fill(ctx, f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return copiedFile{}, err
	}
	read, err := b.readBack(ctx, target)
	if err != nil {
		return copiedFile{}, err
	}
	if read != written {
		return copiedFile{}, fmt.Errorf("read back %d bytes with SHA-256 %s instead of %d with %s", read.Size, read.SHA256, written.Size, written.SHA256)
	}
	written.Path = path
	return written, nil
}

func (b *backup) fill(ctx context.Context, f *os.File, from io.Reader) (copiedFile, error) {
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), b.reader(ctx, from))
	return copiedFile{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, errors.Join(err, f.Sync())
}

func (b *backup) readBack(ctx context.Context, path string) (copiedFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return copiedFile{}, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	sum := sha256.New()
	n, err := io.Copy(sum, b.reader(ctx, f))
	return copiedFile{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// reader ends with ctx, and tells the progress.
func (b *backup) reader(ctx context.Context, from io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := from.Read(p)
		b.done += int64(n)
		if b.progress != nil && n > 0 {
			b.progress(b.done, b.total)
		}
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
