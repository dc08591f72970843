# No endings at all: every name is whole. Services need their whole names then.
kubectl delete pod client
kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: client
spec:
  dnsPolicy: None
  dnsConfig:
    nameservers: [10.96.0.10]
  containers:
  - name: shell
    image: registry.example/curl:8
EOF
