package web

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
)

// TestInBrowser walks through the pages in a real browser, with both APIs
// pretended. It needs Node.js and `npm ci` in playground/, so it runs only where
// UPSTREAM_CHROMIUM names a Chromium. UPSTREAM_SHOTS names a folder for pictures.
func TestInBrowser(t *testing.T) {
	t.Parallel()
	browser := os.Getenv("UPSTREAM_CHROMIUM")
	if browser == "" {
		t.Skip("UPSTREAM_CHROMIUM is not set")
	}
	server := httptest.NewServer(sharedPages(t))
	t.Cleanup(server.Close)
	args := []string{"browser/check.mjs", "--fake", "--url", server.URL, "--chromium", browser}
	if shots := os.Getenv("UPSTREAM_SHOTS"); shots != "" {
		args = append(args, "--shots", shots)
	}
	check := exec.CommandContext(t.Context(), "node", args...)
	check.Dir = "playground"
	out, err := check.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
