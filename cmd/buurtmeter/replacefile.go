package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// replaceFile puts content in the place of the file and returns when that is on
// disk. It writes beside and renames, so that a reader, and a power cut, find
// the old file or the new one. An existing file keeps its owner and rights; a
// new one is its owner's only.
func replaceFile(path string, content []byte) error {
	mode := os.FileMode(0o600)
	before, err := os.Stat(path)
	if err == nil {
		mode = before.Mode().Perm()
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".buurtmeter-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // no effect after the rename
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Chmod(mode), sameOwner(tmp, before), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// sameOwner gives the file to the owner of the one that it replaces.
func sameOwner(f *os.File, before os.FileInfo) error {
	if before == nil || os.Geteuid() != 0 {
		return nil
	}
	if st, ok := before.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}
