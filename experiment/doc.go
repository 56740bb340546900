// Package experiment holds the settings of a training run: the network, the
// data, the learning rate schedule, the stopping rule and the seed. It reads them
// from YAML and JSON and checks them. It trains nothing; see oscar/pipeline.
//
//	e := experiment.Default()
//	err := e.ReadYAML([]byte("training: {epochs: 10}"))
package experiment
