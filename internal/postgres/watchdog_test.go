//go:build linux || darwin || freebsd

package postgres

import (
	"os/exec"
	"syscall"
	"testing"
)

// sleeper is a process that stands in for the server.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func TestWatchdogStopsTheServerOfADeadParent(t *testing.T) {
	t.Parallel()
	server := sleeper(t)
	dog, err := startWatchdog(account{})
	if err != nil {
		t.Fatal(err)
	}
	if err := dog.guard(server.Process.Pid); err != nil {
		t.Fatal(err)
	}
	_ = dog.pipe.Close() // as the system does when we die
	_ = server.Wait()
	if status, ok := server.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
		t.Errorf("the server ended with %v", server.ProcessState)
	}
	if err := dog.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestWatchdogLeavesAReleasedServerAlone(t *testing.T) {
	t.Parallel()
	server := sleeper(t)
	for _, guarded := range []bool{true, false} {
		dog, err := startWatchdog(account{})
		if err != nil {
			t.Fatal(err)
		}
		if guarded {
			if err := dog.guard(server.Process.Pid); err != nil {
				t.Fatal(err)
			}
		}
		dog.release()
		if !dog.cmd.ProcessState.Success() {
			t.Errorf("the watchdog ended with %v", dog.cmd.ProcessState)
		}
	}
	if !alive(server.Process.Pid) {
		t.Error("the server was stopped")
	}
}

func TestWatchdogSurvivesWithoutAServer(t *testing.T) {
	t.Parallel()
	dog, err := startWatchdog(account{})
	if err != nil {
		t.Fatal(err)
	}
	_ = dog.pipe.Close() // we died between starting it and starting the server
	if err := dog.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
