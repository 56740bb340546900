package atomicfile

// Fault is called before each step of a write: "create", "fill", "sync", "rename", "done" for a
// file; "folder", "swap", "move" for a folder. If it returns an error, the write fails as with a
// file system error. It is nil except in tests, which use it to kill the process or to simulate a
// full disk.
var Fault func(step, path string) error

// Step calls Fault. Packages that write without this package call it before each step.
func Step(name, path string) error {
	if Fault == nil {
		return nil
	}
	return Fault(name, path)
}
