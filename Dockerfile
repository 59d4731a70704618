# Two images: "cpu" trains and tests anywhere, "cuda" on an NVIDIA GPU too (--gpus all).
# Build both with `make image`; `make image-test` builds them and tries them.

FROM debian:bookworm-20250520-slim AS base

# A time such as 20250601T000000Z takes Debian's packages as they were then; by default they come
# from where the base image takes them.
ARG SNAPSHOT=""
RUN if [ -n "$SNAPSHOT" ]; then \
        sed -i -E \
            -e "s,^URIs: .*/debian/?$,URIs: http://snapshot.debian.org/archive/debian/$SNAPSHOT," \
            -e "s,^URIs: .*/debian-security/?$,URIs: http://snapshot.debian.org/archive/debian-security/$SNAPSHOT," \
            -e "s,^Components: .*,&\nCheck-Valid-Until: no," \
            /etc/apt/sources.list.d/debian.sources; \
    fi

# g++ and Python.h compile the graphs when they are used. OpenBLAS in place of the reference BLAS.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        g++ python3 python3-dev python3-venv libopenblas0-pthread \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*

# setuptools first: the one sdist, Theano's, is built by it and not by one of the day.
COPY requirements.txt requirements-extras.txt /tmp/
RUN python3 -m venv /opt/venv \
    && sed -n '/^setuptools==/,$p' /tmp/requirements.txt > /tmp/setuptools.txt \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/setuptools.txt \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-build-isolation \
        -r /tmp/requirements.txt -r /tmp/requirements-extras.txt \
    && rm /tmp/*.txt

# The package is used where it lies, as in a checkout: /voxlstm is the repository.
COPY setup.py pyproject.toml /voxlstm/
COPY package /voxlstm/package
RUN cd /voxlstm \
    && touch README.rst \
    && mkdir -p lib/base lib/backend lib/browser lib/parallel lib/runs lib/geometry/shapes lib/data lib/evaluation/report lib/exchange lib/ops/gpu models solvers tools \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && useradd --uid 1000 --no-create-home --home-dir /cache voxlstm \
    && mkdir -m 1777 /data /output /cache \
    && ln -s /data /output /voxlstm/

# Compiled graphs are kept in /cache: name a volume there and the next run starts at once.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/cache \
    VOXLSTM_CACHE=/cache \
    PYTHONUNBUFFERED=1
VOLUME ["/data", "/output", "/cache"]
WORKDIR /voxlstm
# The exec form: signals reach the tool, so that `docker stop` saves a checkpoint first.
ENTRYPOINT ["/voxlstm/packaging/docker/entrypoint"]
CMD ["--help"]


FROM base AS cpu
COPY . /voxlstm/
USER voxlstm


FROM base AS cuda-base
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3-pygpu libgpuarray3 libgpuarray-dev \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*

# One folder holds NVIDIA's libraries, for they find each other beside themselves. libgpuarray loads
# three by their bare names; of these, libcuda is the driver's and comes with `--gpus all`.
COPY requirements-cudnn.txt /tmp/
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements-cudnn.txt \
    && rm /tmp/requirements-cudnn.txt \
    && mkdir /opt/cuda \
    && ln -s /opt/venv/lib/python3.11/site-packages/nvidia/*/lib/*.so.* /opt/cuda/ \
    && ln -s libnvrtc.so.12 /opt/cuda/libnvrtc.so \
    && ln -s libcublas.so.12 /opt/cuda/libcublas.so \
    && ln -s /usr/lib/x86_64-linux-gnu/libcuda.so.1 /opt/cuda/libcuda.so
ENV LD_LIBRARY_PATH=/opt/cuda \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility


FROM cuda-base AS cuda
COPY . /voxlstm/
USER voxlstm
