"""The test servers themselves do what the other tests rely on, the fault proxy above all."""

import botocore.config
import botocore.exceptions
import boto3
import psycopg
import pytest


@pytest.fixture(name="through_proxy")
def fixture_through_proxy(servers, proxy):
    """An S3 client of the proxy that never retries."""
    return boto3.client(
        "s3",
        endpoint_url=proxy.endpoint,
        aws_access_key_id=servers.access_key,
        aws_secret_access_key=servers.secret_key,
        region_name="us-east-1",
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}
        ),
    )


def exists(servers, bucket, key):
    return bool(servers.s3().list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"))


def test_the_proxy_passes_signed_requests_on(through_proxy, servers, bucket):
    through_proxy.put_object(Bucket=bucket, Key="plain", Body=b"x" * 100_000)
    body = through_proxy.get_object(Bucket=bucket, Key="plain")["Body"].read()
    assert body == b"x" * 100_000 and exists(servers, bucket, "plain")


@pytest.mark.parametrize(
    ("effect", "applied"),
    [
        ({"lost_response": "rst"}, True),
        ({"lost_response": "fin"}, True),
        ({"status_after": 500}, True),
        ({"status": 503}, False),
        ({"reset_body": 10}, False),
        ({"truncate_response": 5}, True),
    ],
    ids=lambda value: str(value),
)
def test_a_fault_hits_the_client_and_spares_or_hits_the_server(
    through_proxy, servers, proxy, bucket, effect, applied
):
    proxy.rules([{"op": "PutObject", "path": "/hit", "times": 1, **effect}])
    with pytest.raises((botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError)):
        through_proxy.put_object(Bucket=bucket, Key="hit", Body=b"x" * 1000)
    assert exists(servers, bucket, "hit") == applied
    through_proxy.put_object(Bucket=bucket, Key="hit", Body=b"x" * 1000)
    assert proxy.state()["counters"]["fired"] >= 1


@pytest.mark.parametrize("name", ["S3_ENDPOINT", "MINIO_ENDPOINT"])
def test_put_if_absent_is_honoured(servers, name):
    client = servers.s3(name)
    bucket = "silt-if-absent"
    try:
        client.create_bucket(Bucket=bucket)
    except client.exceptions.BucketAlreadyOwnedByYou:
        client.delete_object(Bucket=bucket, Key="once")
    client.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")
    with pytest.raises(botocore.exceptions.ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*")


def test_postgres_answers(pg_dsn):
    with psycopg.connect(pg_dsn) as connection:
        assert connection.execute("select current_database()").fetchone() == ("silt",)


def test_moto_keeps_metrics(moto, servers):
    client = boto3.client(
        "cloudwatch",
        endpoint_url=moto,
        aws_access_key_id=servers.access_key,
        aws_secret_access_key=servers.secret_key,
        region_name="us-east-1",
    )
    client.put_metric_data(Namespace="Silt/Probe", MetricData=[{"MetricName": "m", "Value": 1}])
    assert client.list_metrics(Namespace="Silt/Probe")["Metrics"]
