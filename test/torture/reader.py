"""Reads a mount until told to stop and compares every byte with the tree it was made from.

Now and then it asks for nothing until the mount's server may have gone to sleep.

usage: reader.py SOURCE MOUNT STOPFILE SEED     prints one JSON object at the end
"""
import json, os, random, sys, time

source, mount, stop, seed = sys.argv[1:]
rnd = random.Random(int(seed))
files = [os.path.relpath(os.path.join(d, f), source) for d, _, fs in os.walk(source) for f in fs]
large = [f for f in files if os.path.getsize(os.path.join(source, f)) > 100000]
done = {"reads": 0, "bytes": 0, "listings": 0, "slowestMilliseconds": 0, "errors": [], "wrong": []}


def fail(kind, what):
    if len(done[kind]) < 20:
        done[kind].append("%s: %s" % (time.strftime("%X"), what))


def read(name):
    with open(os.path.join(source, name), "rb") as a, open(os.path.join(mount, name), "rb") as b:
        size = os.fstat(a.fileno()).st_size
        if os.fstat(b.fileno()).st_size != size:
            fail("wrong", "size of " + name)
        # What the kernel has cached would be no test.
        os.posix_fadvise(b.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for _ in range(8):
            at = rnd.randrange(size + 1)
            length = rnd.choice([1, 4096, 65536, 1 << 20])
            wanted, got = os.pread(a.fileno(), length, at), os.pread(b.fileno(), length, at)
            if wanted != got:
                fail("wrong", "%s at %d: %d of %d bytes" % (name, at, len(got), len(wanted)))
            done["reads"] += 1
            done["bytes"] += len(got)


def listing():
    ours = sorted(n for n in os.listdir(mount) if n != "lost+found")
    many = sorted(os.listdir(os.path.join(mount, "many")))
    if ours != sorted(os.listdir(source)) or many != sorted(os.listdir(os.path.join(source, "many"))):
        fail("wrong", "listing")
    done["listings"] += 1


parent = os.getppid()
busy_until = time.monotonic() + rnd.uniform(0.5, 4)
# Without the run that started it, nobody would stop it.
while not os.path.exists(stop) and os.getppid() == parent:
    name = rnd.choice(large if rnd.random() < 0.7 else files)
    began = time.monotonic()
    try:
        read(name)
        if rnd.random() < 0.1:
            listing()
        if os.path.exists(os.path.join(mount, "nothing-%d" % rnd.randrange(1 << 30))):
            fail("wrong", "a file that is not there")
    except OSError as error:
        fail("errors", "%s: %s" % (name, error))
    ended = time.monotonic()
    done["slowestMilliseconds"] = max(done["slowestMilliseconds"], round(1000 * (ended - began)))
    if ended > busy_until:
        time.sleep(rnd.uniform(1.5, 3))
        busy_until = time.monotonic() + rnd.uniform(0.5, 4)
print(json.dumps(done))
