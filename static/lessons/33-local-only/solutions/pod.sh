kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: cache-2
  labels:
    app: cache
spec:
  nodeName: node-1
  containers:
  - name: cache
    image: registry.example/cache:1.0
    ports:
    - containerPort: 8080
EOF
