"""TensorFlow's collectives beside a sum on one server, between two servers of one machine.

usage: PYTHONPATH=$(scripts/setup-python tensorflow) python3 bench/collectives.py KIND FLOATS

KIND is collective (CollectiveReduce), collective-v2 (CollectiveReduceV2), sum (added up on the
first server and sent back), or no-leader (a collective whose group leader is in the session's
options only). It uses nothing that C's TF_NewServer and TF_SetConfig lack. Prints the milliseconds
of each of six runs; the first also prepares the graph. Design 20 has the results.
"""

import subprocess
import sys
import time

import tensorflow as tf
from tensorflow.python.ops import collective_ops

tf1 = tf.compat.v1
PORTS = [7931, 7932]
LEADER = "/job:worker/replica:0/task:0"


def config(leader=True):
    c = tf1.ConfigProto(intra_op_parallelism_threads=1)
    if leader:
        c.experimental.collective_group_leader = LEADER
    return c


def serve(kind, index):
    cluster = {"worker": [f"localhost:{p}" for p in PORTS]}
    server = tf1.train.Server(cluster, job_name="worker", task_index=index, config=config(kind != "no-leader"))
    print("ready", flush=True)
    server.join()


def main(kind, floats):
    tf1.disable_eager_execution()
    devices = [f"/job:worker/task:{i}/device:CPU:0" for i in range(len(PORTS))]
    ones = []
    for i, device in enumerate(devices):
        with tf.device(device):
            ones.append(tf.fill([floats], float(i + 1)) + tf1.placeholder_with_default(0.0, []))
    sums = []
    if kind == "sum":
        with tf.device(devices[0]):
            total = ones[0] + ones[1]
        sums = [total, total]
    else:
        reduce = collective_ops.all_reduce_v2 if kind == "collective-v2" else collective_ops.all_reduce
        for x, device in zip(ones, devices):
            with tf.device(device):
                sums.append(reduce(x, 2, 1, 7, "Add", "Id", timeout=20))
    largest = []
    for x, device in zip(sums, devices):
        with tf.device(device):
            largest.append(tf.reduce_max(x))
    options = config()
    options.operation_timeout_in_ms = 60000
    with tf1.Session(f"grpc://localhost:{PORTS[0]}", config=options) as session:
        for _ in range(6):
            begin = time.time()
            got = session.run(largest)
            assert got == [3, 3], got
            print(f"{kind} {floats} {(time.time() - begin) * 1e3:.1f} ms", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    servers = [subprocess.Popen([sys.executable, __file__, "serve", sys.argv[1], str(i)], stdout=subprocess.PIPE) for i in range(len(PORTS))]
    try:
        for server in servers:
            server.stdout.readline()
        main(sys.argv[1], int(sys.argv[2]))
    finally:
        for server in servers:
            server.kill()
