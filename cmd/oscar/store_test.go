package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oscar/internal/testkit"
)

// A job in a bucket has the results of one process, though its workers and the store are
// killed while they work.
func TestBucketUnderKills(t *testing.T) {
	shared := shared(t)
	server := testkit.NewS3Server(t)
	work := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir())
	for name, from := range map[string]string{"photos": filepath.Join(shared, "shapes", "images"), "run": filepath.Join(shared, "run")} {
		for _, to := range []string{work, filepath.Join(server.Root, "bucket", "job")} {
			if err := os.CopyFS(filepath.Join(to, name), os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		}
	}
	command := func(stdin string, args ...string) *exec.Cmd {
		cmd := exec.Command("oscar", args...)
		cmd.Dir, cmd.Stdin = work, strings.NewReader(stdin)
		return cmd
	}
	must := func(args string) string {
		t.Helper()
		cmd := command("", strings.Fields(args)...)
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("oscar %s: %v\n%s", args, err, said.String())
		}
		return string(out)
	}
	const explain = "explain run photos --batch 2 --threads 1 --method gradcam,rise --samples 40 --out "
	must(explain + "plain")
	units := must("plan --store s3://bucket/job " + explain + "explained")
	for call, kill := range []func(*os.Process){
		func(p *os.Process) { p.Kill() },
		func(p *os.Process) { p.Kill() },
		func(*os.Process) {
			server.Kill()
			time.Sleep(300 * time.Millisecond)
			server.Start()
		},
	} {
		last := call == 2
		cmd := command(units, "worker", "--threads", "1")
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		done, fresh := 0, 0 // units; those done in this call
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), `"ok":true`) {
				done++
			}
			if strings.Contains(lines.Text(), `"earlier":true`) {
				continue
			}
			if fresh++; fresh == 1 || last && fresh == 3 { // within the next unit
				time.Sleep(rand.N(100 * time.Millisecond))
				kill(cmd.Process)
			}
		}
		err = cmd.Wait()
		t.Logf("call %d: %v, %d units done, %d of them now", call, err, done, fresh)
		if last && (err != nil || done != strings.Count(units, "\n") || fresh < 4) {
			t.Fatalf("%d units are done, %d of them in the last call: %v", done, fresh, err)
		}
	}
	must("merge --store s3://bucket/job explained")
	want, got := testkit.Tree(t, filepath.Join(work, "plain")), testkit.Tree(t, filepath.Join(server.Root, "bucket", "job", "explained"))
	compared := 0
	for _, files := range []map[string]string{want, got} {
		for name := range files {
			switch top, _, _ := strings.Cut(name, "/"); top {
			case "parts", "sums", "commits", "SHA256SUMS", "command.json", "units.jsonl", ".lock": // they name files by their times
				continue
			}
			if compared++; want[name] != got[name] {
				t.Errorf("%s differs", name)
			}
		}
	}
	if compared < 2*(36*4+2) {
		t.Errorf("%d files were compared", compared)
	}
	must(fmt.Sprint("verify ", filepath.Join(server.Root, "bucket", "job", "explained")))
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "oscar-store-*", ".partial-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
