package events

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of tensorflow.Event, .Summary and .Summary.Value.
const (
	eventWallTime    protowire.Number = 1 // double, seconds since 1970
	eventStep        protowire.Number = 2 // int64
	eventFileVersion protowire.Number = 3 // string
	eventSummary     protowire.Number = 5 // Summary

	summaryValue protowire.Number = 1 // repeated Value

	valueTag         protowire.Number = 1 // string
	valueSimpleValue protowire.Number = 2 // float
)

// versionEvent returns the first event of every file.
func versionEvent(at time.Time) []byte {
	event := appendWallTime(nil, at)
	event = protowire.AppendTag(event, eventFileVersion, protowire.BytesType)
	return protowire.AppendString(event, "brain.Event:2")
}

// scalarEvent returns one value of one tag. It uses simple_value, which all versions of
// TensorBoard read.
func scalarEvent(tag string, step int64, value float64, at time.Time) []byte {
	v := protowire.AppendTag(nil, valueTag, protowire.BytesType)
	v = protowire.AppendString(v, tag)
	v = protowire.AppendTag(v, valueSimpleValue, protowire.Fixed32Type)
	v = protowire.AppendFixed32(v, math.Float32bits(float32(value)))

	return valueEvent(v, step, at)
}

// valueEvent returns an event with one value.
func valueEvent(v []byte, step int64, at time.Time) []byte {
	summary := protowire.AppendTag(nil, summaryValue, protowire.BytesType)
	summary = protowire.AppendBytes(summary, v)

	event := appendWallTime(nil, at)
	event = protowire.AppendTag(event, eventStep, protowire.VarintType)
	event = protowire.AppendVarint(event, uint64(step))
	event = protowire.AppendTag(event, eventSummary, protowire.BytesType)
	return protowire.AppendBytes(event, summary)
}

func appendWallTime(event []byte, at time.Time) []byte {
	event = protowire.AppendTag(event, eventWallTime, protowire.Fixed64Type)
	return protowire.AppendFixed64(event, math.Float64bits(seconds(at)))
}

// seconds returns the seconds since 1970.
func seconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }
