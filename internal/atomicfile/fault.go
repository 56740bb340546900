package atomicfile

// Fault is called before each step of a write: "create", "fill", "sync", "rename",
// "done" of a file, "folder", "swap", "move" of a folder. Its error ends the write
// as one of the file system would. It is nil but in tests, which kill the process in
// it or play a full disk.
var Fault func(step, path string) error

// Step calls Fault. A package that writes by other means calls it before each step.
func Step(name, path string) error {
	if Fault == nil {
		return nil
	}
	return Fault(name, path)
}
