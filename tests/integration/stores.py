"""An archive root to read: a bucket (through boto3) or a folder."""

import pathlib

import boto3
import botocore.config
import botocore.exceptions


class DirStore:
    """file:///dir"""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def list(self, prefix):
        """Sorted keys below prefix. Names that begin with a dot are not objects."""
        base = self.root / prefix
        if not base.is_dir():
            return []
        found = (p for p in base.rglob("*") if p.is_file())
        keys = (p.relative_to(self.root).as_posix() for p in found)
        return sorted(k for k in keys if not any(s.startswith(".") for s in k.split("/")))

    def get(self, key):
        """(bytes, user metadata), or (None, {}) when absent"""
        path = self.root / key
        return (path.read_bytes(), {}) if path.is_file() else (None, {})

    def uploads(self):
        return []

    def fresh(self):
        return self


class S3Store:
    """s3://bucket/prefix"""

    def __init__(self, endpoint, bucket, prefix="", access_key=None, secret_key=None):
        self.arguments = (endpoint, bucket, prefix, access_key, secret_key)
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self.client = s3_client(endpoint, access_key, secret_key)

    def fresh(self):
        """The same store over connections of its own, for another process."""
        return S3Store(*self.arguments)

    def list(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix
        )
        keys = (item["Key"] for page in pages for item in page.get("Contents", ()))
        return sorted(key[len(self.prefix) :] for key in keys)

    def get(self, key):
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
        except self.client.exceptions.NoSuchKey:
            return None, {}
        return answer["Body"].read(), answer["Metadata"]

    def uploads(self):
        """(key, upload id) of every unfinished multipart upload.

        Pages by key marker alone: an upload id marker is refused by versitygw and ignored by MinIO.
        """
        found, marker = [], ""
        while True:
            page = self.client.list_multipart_uploads(
                Bucket=self.bucket, KeyMarker=marker, MaxUploads=1000
            )
            for item in page.get("Uploads", ()):
                if item["Key"].startswith(self.prefix):
                    found.append((item["Key"][len(self.prefix) :], item["UploadId"]))
            following = page.get("NextKeyMarker", "")
            if not page.get("IsTruncated") or following <= marker:
                return found
            marker = following


def s3_client(endpoint, access_key, secret_key, region="us-east-1"):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"max_attempts": 5}
        ),
    )


def open_store(root, endpoint=None, access_key=None, secret_key=None):
    """The store of an archive root as a configuration writes it."""
    if root.startswith("file://"):
        return DirStore(root[len("file://") :])
    if root.startswith("s3://"):
        bucket, _, prefix = root[len("s3://") :].partition("/")
        return S3Store(endpoint, bucket, prefix, access_key, secret_key)
    raise ValueError(f"not an archive root: {root} (file:///dir or s3://bucket/prefix)")
