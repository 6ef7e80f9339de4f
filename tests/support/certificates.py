"""Certificates of an authority of our own, made with the openssl command."""

import hashlib
import ssl
import subprocess
from pathlib import Path

import pytest


class Authority:
    """Signs certificates into a folder; `file` holds its own. Those of many a home lack what RFC
    5280 asks for, and Python 3.13 looks for it, unless told otherwise: `strict` ones have it."""

    def __init__(self, folder: Path, *, strict: bool = False) -> None:
        self._folder = folder
        self.file, self._key = folder / "ca.pem", folder / "ca.key"
        usage = " -addext keyUsage=critical,keyCertSign,cRLSign" if strict else ""
        self._openssl(
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=home -out {self.file}"
            f" -keyout {self._key}{usage}"
        )

    def certificate(self, name: str, *, expired: bool = False) -> Path:
        """A file with a certificate for a name and its key."""
        path = self._folder / f"{name}-expired-{expired}.pem"
        request = f"{path}.csr"
        self._openssl(
            f"req -newkey rsa:2048 -nodes -subj /CN=x -addext subjectAltName=DNS:{name}"
            f" -keyout {path}.key -out {request}"
        )
        sign = (
            f"x509 -req -in {request} -CA {self.file} -CAkey {self._key} -CAcreateserial"
            f" -copy_extensions copy -out {path}"
        )
        if not expired:
            self._openssl(f"{sign} -days 2")
        elif "-not_after" in self._run("x509 -help").stderr:  # 3.4 and newer
            self._openssl(f"{sign} -not_before 20200101000000Z -not_after 20200102000000Z")
        else:
            self._openssl(f"{sign} -days -1")
        with path.open("ab") as file:
            file.write((self._folder / f"{path.name}.key").read_bytes())
        return path

    def _openssl(self, arguments: str) -> None:
        done = self._run(arguments)
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _run(arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(["openssl", *arguments.split()], capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("no openssl command here")


def server_context(path: Path) -> ssl.SSLContext:
    """TLS as a server with that certificate has it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def sha256_of(path: Path) -> str:
    """The fingerprint of the certificate in a file."""
    text = path.read_text()
    end = "-----END CERTIFICATE-----\n"
    pem = text[text.index("-----BEGIN CERTIFICATE") : text.index(end) + len(end)]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
