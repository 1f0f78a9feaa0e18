package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// verify works on a full disk and on a read-only one. A server ends there with the cause.
func TestVerifyWithoutWriting(t *testing.T) {
	dir := mountSmall(t, "size=100m")
	data := servertest.DataWithHistory(t, filepath.Join(dir, "data"))
	fillDisk(t, filepath.Join(dir, "ballast"))
	servertest.Verify(t, data)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	servertest.Verify(t, data)
	status, _, stderr := servertest.Run(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	if status == 0 || !strings.Contains(stderr, "read-only file system") || strings.Contains(stderr, "in use") {
		t.Errorf("serve: status %d\n%s", status, stderr)
	}
}
