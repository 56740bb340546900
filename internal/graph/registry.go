package graph

// #include <tensorflow/c/c_api.h>
import "C"

import (
	"fmt"
	"sync"

	"github.com/wamuir/graft/tensorflow/core/framework/op_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// Ops returns the definitions of all operations of the library, by type.
// The map is shared and must not be changed.
var Ops = sync.OnceValues(func() (map[string]*op_def_go_proto.OpDef, error) {
	buf := C.TF_GetAllOpList()
	defer C.TF_DeleteBuffer(buf)
	list := &op_def_go_proto.OpList{}
	if err := proto.Unmarshal(C.GoBytes(buf.data, C.int(buf.length)), list); err != nil {
		return nil, fmt.Errorf("read the library's list of operations: %w", err)
	}
	ops := make(map[string]*op_def_go_proto.OpDef, len(list.Op))
	for _, op := range list.Op {
		ops[op.Name] = op
	}
	return ops, nil
})
