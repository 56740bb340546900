package graph

// Variable is a resource variable. Training graph, checkpoint and SavedModel find it by its name,
// which is the name and the shared_name of its handle.
type Variable struct {
	Name      string
	Shape     Shape
	Trainable bool
	Handle    Tensor // resource
	Value     Tensor // the only read of the handle
	Initial   Tensor // the value that Init assigns
	Init      Op
}

// Variable adds a float variable. name is its full name and does not depend on the scope.
// initial is called with the scope of the variable's initializer.
func (g *Graph) Variable(name string, shape Shape, trainable bool, initial func(*Graph) Tensor) *Variable {
	root := &Graph{state: g.state, device: g.device}
	v := &Variable{Name: name, Shape: shape, Trainable: trainable}
	v.Handle = root.add("VarHandleOp", name, attributes{"dtype": Float, "shape": tfShape(shape), "shared_name": name}).Output(0)
	in := root.In(name)
	v.Value = in.In("Read").one("ReadVariableOp", attributes{"dtype": Float}, v.Handle)
	if v.Value.Shape() != nil && len(v.Value.Shape()) == 0 && len(shape) > 0 {
		v.Value = in.Reshape(v.Value, shape)
	}
	v.Initial = initial(in.In("Initializer"))
	v.Init = in.Assign(v.Handle, v.Initial)
	return v
}

// Assign sets a variable after the operations in after have run.
func (g *Graph) Assign(handle, value Tensor, after ...Op) Op {
	return g.addAfter("AssignVariableOp", "Assign", attributes{"dtype": Float}, after, handle, value)
}

// ReadAfter returns the value of a variable after the operations in after have run.
func (g *Graph) ReadAfter(v *Variable, after ...Op) Tensor {
	value := g.addAfter("ReadVariableOp", "", attributes{"dtype": Float}, after, v.Handle).Output(0)
	return g.Reshape(value, v.Shape)
}

// AssignSub subtracts delta from a variable after the operations in after have run.
func (g *Graph) AssignSub(handle, delta Tensor, after ...Op) Op {
	return g.addAfter("AssignSubVariableOp", "", attributes{"dtype": Float}, after, handle, delta)
}

// Adam has the scalars of one step: the learning rate, both decay rates and their powers
// beta^t.
type Adam struct {
	Rate, Beta1, Beta2, Power1, Power2, Epsilon Tensor
}

// ApplyAdam updates a variable and its two moments in place after the operations in after have run.
func (g *Graph) ApplyAdam(v, m, s *Variable, a Adam, gradient Tensor, after ...Op) Op {
	return g.addAfter("ResourceApplyAdam", "", attributes{"T": Float}, after,
		v.Handle, m.Handle, s.Handle, a.Power1, a.Power2, a.Rate, a.Beta1, a.Beta2, a.Epsilon, gradient)
}

// ApplyGradientDescent subtracts rate times the gradient from a variable after the operations in
// after have run.
func (g *Graph) ApplyGradientDescent(v *Variable, rate, gradient Tensor, after ...Op) Op {
	return g.addAfter("ResourceApplyGradientDescent", "", attributes{"T": Float}, after, v.Handle, rate, gradient)
}

// ApplyMomentum updates a variable v and its momentum m in place after the operations in after have
// run. m becomes momentum * m - rate * gradient, and is added to v. With nesterov, momentum * m -
// rate * gradient with the new m is added instead.
func (g *Graph) ApplyMomentum(v, m *Variable, rate, momentum, gradient Tensor, nesterov bool, after ...Op) Op {
	return g.addAfter("ResourceApplyKerasMomentum", "", attributes{"T": Float, "use_nesterov": nesterov}, after,
		v.Handle, m.Handle, rate, gradient, momentum)
}

// ApplyRMSProp updates a variable, its mean square s and its momentum m in place after the
// operations in after have run.
func (g *Graph) ApplyRMSProp(v, s, m *Variable, rate, rho, momentum, epsilon, gradient Tensor, after ...Op) Op {
	return g.addAfter("ResourceApplyRMSProp", "", attributes{"T": Float}, after,
		v.Handle, s.Handle, m.Handle, rate, rho, momentum, epsilon, gradient)
}
