"""Files of tensors: reads PyTorch's and Keras's, writes safetensors. Nothing in a file is run."""

import collections
import io
import json
import pickle
import zipfile

import numpy as np

# PyTorch's storages: numpy's type, and that of safetensors.
STORAGES = {
    "FloatStorage": ("<f4", "F32"), "DoubleStorage": ("<f8", "F64"), "HalfStorage": ("<f2", "F16"), "BFloat16Storage": ("<u2", "BF16"),
    "LongStorage": ("<i8", "I64"), "IntStorage": ("<i4", "I32"), "ShortStorage": ("<i2", "I16"), "CharStorage": ("i1", "I8"),
    "ByteStorage": ("u1", "U8"), "BoolStorage": ("?", "BOOL"),
}  # fmt: skip
TYPES = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8", "b1": "BOOL"}


class Brain(np.ndarray):
    """A tensor of bfloat16, as the bits of uint16."""


class Saved(collections.namedtuple("Saved", "storage offset shape strides")):
    """A tensor of a pickle: (type, key, count) of its storage, and where it lies in it."""


class TorchTensors(pickle.Unpickler):
    """Reads PyTorch's tensors and builds nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *rest: Saved(storage, offset, shape, strides)
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda data, *rest: data
        if module == "torch" and name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which is not read: save model.state_dict() alone")

    def persistent_load(self, saved):
        _, dtype, key, _, count, *_ = saved
        return dtype, key, count


def read_torch(path):
    """The tensors of a file of torch.save, in either of its formats, by name."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as z:
            pickles = [n for n in z.namelist() if n.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise SystemExit("the file is no state dict of PyTorch's")
            tree = TorchTensors(io.BytesIO(z.read(pickles[0]))).load()
            folder = pickles[0][: -len("data.pkl")] + "data/"
            return collect(tree, lambda key, size: z.read(folder + key))
    with open(path, "rb") as f:
        for want in (0x1950A86A20F9469CFC6C, 1001):
            if TorchTensors(f).load() != want:
                raise SystemExit("the file is no state dict of PyTorch's")
        TorchTensors(f).load()  # sizes of types
        tree, keys = TorchTensors(f).load(), TorchTensors(f).load()
        sizes = {t.storage[1]: np.dtype(STORAGES[t.storage[0]][0]).itemsize for t in saved(tree).values()}
        data = {}
        for key in keys:
            count = int.from_bytes(f.read(8), "little")
            data[key] = f.read(count * sizes[key])
        return collect(tree, lambda key, size: data[key])


def saved(tree):
    """The tensors of a state dict, or of the one dictionary of tensors in a dictionary."""
    if not isinstance(tree, dict):
        raise SystemExit(f"the file holds a {type(tree).__name__}, want a state dict")
    found = {name: t for name, t in tree.items() if isinstance(t, Saved)}
    inner = [v for v in tree.values() if isinstance(v, dict) and any(isinstance(t, Saved) for t in v.values())]
    if not found and len(inner) == 1:
        return saved(inner[0])
    if not found:
        raise SystemExit("the file holds no tensors by name, want a state dict")
    return found


def collect(tree, read):
    out = {}
    for name, t in saved(tree).items():
        dtype, key, count = t.storage
        size = np.dtype(STORAGES[dtype][0]).itemsize
        flat = np.frombuffer(read(key, size), STORAGES[dtype][0])
        last = t.offset + sum((n - 1) * s for n, s in zip(t.shape, t.strides)) if all(t.shape) else t.offset
        if min(t.offset, *t.strides, 0) < 0 or last >= max(len(flat), 1):
            raise SystemExit(f"tensor {name} reaches beyond its storage")
        values = np.lib.stride_tricks.as_strided(flat[t.offset :], t.shape, [s * size for s in t.strides]).copy()
        out[name] = values.view(Brain) if dtype == "BFloat16Storage" else values
    return out


def read_keras(path):
    """The variables of a Keras file, .weights.h5, .h5 or .keras, by layer and role."""
    import h5py

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as z:
            return read_keras(io.BytesIO(z.read("model.weights.h5")))
    with h5py.File(path, "r") as f:
        out = {}
        root = f.get("model_weights", f)
        if "layer_names" in root.attrs:  # Keras 2, and .h5 of Keras 3
            for layer in root.attrs["layer_names"]:
                for name in root[layer].attrs["weight_names"]:
                    role = str(name).split("/")[-1].removesuffix(":0")
                    out[f"{layer}/{role}"] = root[layer][name][()]
            return out

        def visit(name, group):
            if not name.endswith("vars") or "name" not in group.attrs:
                return
            values = [group[k][()] for k in sorted(group, key=int)]
            for role, value in zip(roles(values), values):
                out[f"{group.attrs['name']}/{role}"] = value

        f.visititems(visit)
        if not out:
            raise SystemExit("the file has no variables with names of layers: Keras before 3.4 wrote none; save model.save('model.h5')")
        return out


def roles(values):
    """What Keras calls the variables of a layer, which .weights.h5 numbers."""
    if len(values) == 4 and all(v.ndim == 1 for v in values):
        return ["gamma", "beta", "moving_mean", "moving_variance"]
    if len(values) == 2 and all(v.ndim == 1 for v in values):
        return ["gamma", "beta"]
    return ["kernel", "bias"][: len(values)] if len(values) <= 2 else [str(i) for i in range(len(values))]


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, t in tensors.items():
        kind = "BF16" if isinstance(t, Brain) else TYPES.get(t.dtype.str[1:])
        if kind is None:
            raise SystemExit(f"tensor {name} is of type {t.dtype}, which safetensors has no name for")
        header[name] = {"dtype": kind, "shape": list(t.shape), "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for t in tensors.values():
            f.write(np.ascontiguousarray(t).tobytes())
