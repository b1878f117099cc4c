"""A certificate authority for one test, thrown away with its folder."""
import os
import subprocess

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder, self.name = str(folder), name
        self.ca = self.path(f"{name}.pem")
        self.openssl("req", "-x509", *CURVE, "-days", "2", "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"), "-out", self.ca)

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)

    def issue(self, name):
        """(certificate, key) for 127.0.0.1."""
        certificate, key, request, names = (self.path(f"{self.name}-{name}.{kind}") for kind in ("pem", "key", "csr", "ext"))
        with open(names, "w") as f:
            f.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.openssl("req", *CURVE, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-days", "2", "-in", request, "-CA", self.ca, "-CAkey", self.path(f"{self.name}.key"), "-CAcreateserial",
                     "-extfile", names, "-out", certificate)
        return certificate, key

    def flags(self, name):
        certificate, key = self.issue(name)
        return ["--tls-cert", certificate, "--tls-key", key, "--tls-ca", self.ca]
