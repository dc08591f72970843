kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: web-2
  labels:
    app: web
spec:
  nodeSelector:
    kubernetes.io/hostname: node-2
  containers:
  - name: web
    image: registry.example/web:1.0
    ports:
    - containerPort: 8080
EOF
