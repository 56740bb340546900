package main

import (
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
	call := func(stdin string, args ...string) *exec.Cmd {
		cmd := exec.Command("oscar", args...)
		cmd.Dir, cmd.Stdin = work, strings.NewReader(stdin)
		return cmd
	}
	must := func(args string) string {
		t.Helper()
		cmd := call("", strings.Fields(args)...)
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("oscar %s: %v\n%s", args, err, said.String())
		}
		return string(out)
	}
	const explain = "explain run photos --batch 4 --threads 1 --method gradcam,rise --samples 40 --out "
	must(explain + "plain")
	units := must("plan --store s3://bucket/job " + explain + "explained")
	for i := 0; ; i++ {
		cmd := call(units, "worker", "--threads", "1")
		var out strings.Builder
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if i < 4 {
			time.Sleep(time.Duration(500+rand.IntN(1500)) * time.Millisecond)
			if i%2 == 0 {
				cmd.Process.Kill()
			} else {
				server.Kill()
				time.Sleep(300 * time.Millisecond)
				server.Start()
			}
		}
		err := cmd.Wait()
		t.Logf("call %d: %v, %d answers, %d of units that were done", i, err, strings.Count(out.String(), "\n"), strings.Count(out.String(), `"earlier":true`))
		if i%2 == 0 && i < 4 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), `"ok":true`); n != strings.Count(units, "\n") {
			t.Fatalf("%d units were done:\n%s", n, out.String())
		}
		if i >= 4 {
			break
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
