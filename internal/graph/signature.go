package graph

import tf "github.com/wamuir/graft/tensorflow"

// Signature is an entry point of a SavedModel: the names of its tensors.
type Signature struct{ Inputs, Outputs map[string]string }

// Signatures returns the signatures of the SavedModel that the session was loaded from.
func (s *Session) Signatures() map[string]Signature { return s.signatures }

func signaturesOf(loaded map[string]tf.Signature) map[string]Signature {
	names := func(tensors map[string]tf.TensorInfo) map[string]string {
		out := map[string]string{}
		for key, t := range tensors {
			out[key] = t.Name
		}
		return out
	}
	out := map[string]Signature{}
	for name, s := range loaded {
		out[name] = Signature{names(s.Inputs), names(s.Outputs)}
	}
	return out
}
