// Copyright 2026 The raftkeel authors
// SPDX-License-Identifier: MPL-2.0

package datadir

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Dir is a directory that is read and never changed.
type Dir struct{ root *os.Root }

// OpenDir opens a directory. The path itself may go through symbolic links; nothing below
// it may.
func OpenDir(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Dir{root}, nil
}

// Close ends the use of d. Files that were opened stay open.
func (d *Dir) Close() error { return d.root.Close() }

// file is a regular file that is open for reading.
type file struct {
	source
	f *os.File
}

func (f *file) Close() error { return f.f.Close() }

// open opens a regular file. The name has slashes. What is missing is fs.ErrNotExist.
func (d *Dir) open(name string) (*file, error) {
	f, info, err := d.openAs(name, 0)
	if err != nil {
		return nil, err
	}
	return &file{source{name, f, info.Size()}, f}, nil
}

// openAs opens what has the type want, and only that. os.Root keeps us inside the
// directory, but it follows links there, whatever flags it is given. So every component
// is looked at first, and what was opened must be what was looked at. Should a FIFO take
// its place in between, O_NONBLOCK keeps open from waiting for a writer.
func (d *Dir) openAs(name string, want fs.FileMode) (*os.File, fs.FileInfo, error) {
	seen, err := d.stat(name, want)
	if err != nil {
		return nil, nil, err
	}
	f, err := d.root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && (!os.SameFile(seen, info) || info.Mode().Type() != want) {
		err = &Error{name, -1, "replaced while it was opened", nil}
	}
	if err != nil {
		_ = f.Close() // nothing was written to it
		return nil, nil, err
	}
	return f, info, nil
}

// stat looks at every component of name: directories on the way, want at its end.
func (d *Dir) stat(name string, want fs.FileMode) (info fs.FileInfo, err error) {
	if !fs.ValidPath(name) {
		return nil, &Error{name, -1, "not a path below the directory", nil}
	}
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		part, expect := name[:i], fs.ModeDir
		if i == len(name) {
			expect = want
		}
		if info, err = d.root.Lstat(part); err != nil {
			return nil, err
		}
		if got := info.Mode().Type(); got != expect {
			return nil, &Error{part, -1, fmt.Sprintf("is %s; want %s", kind(got), kind(expect)), ErrNotRegular}
		}
	}
	return info, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode == 0:
		return "a regular file"
	case mode&fs.ModeDir != 0:
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

// maxNames is how many names of one directory are looked at. consul#5314 and #3913 tell of
// hundreds of left-over snapshots.
const maxNames = 100_000

// Names are the entries of a directory below d, "." being d itself, in any order.
func (d *Dir) Names(name string) ([]fs.DirEntry, error) {
	f, _, err := d.openAs(name, fs.ModeDir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	list, err := f.ReadDir(maxNames + 1)
	if err == io.EOF { // an empty one
		return nil, nil
	}
	if err == nil && len(list) > maxNames {
		err = &Error{name, -1, fmt.Sprintf("more than %d names", maxNames), nil}
	}
	return list, err
}

// ReadFile is the content of a regular file of at most limit bytes.
func (d *Dir) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if f.size > limit {
		return nil, f.fail(-1, "%d bytes; at most %d are read", f.size, limit)
	}
	b := make([]byte, f.size)
	return b, f.read(b, 0)
}

// Has reports whether there is something of that name, whatever it is.
func (d *Dir) Has(name string) bool {
	_, err := d.root.Lstat(name)
	return err == nil
}

// join is path.Join for names of which the first may be ".".
func join(parts ...string) string { return strings.TrimPrefix(path.Join(parts...), "./") }
