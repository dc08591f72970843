kubectl delete pod client
kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: client
spec:
  dnsConfig:
    options:
    - name: ndots
      value: "1"
  containers:
  - name: shell
    image: registry.example/curl:8
EOF
