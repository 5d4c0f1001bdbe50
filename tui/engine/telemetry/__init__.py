"""What host and GPUs did meanwhile.

`reading` is the value; `nvml` and `host` are where readings come from; `sampler` takes them at its
pace; `recorder` writes them beside a run, with `whose` (whose work is on a GPU) and `detector` (was
the GPU used at all); `record` reads them back.
"""
