kubectl apply -f - <<EOF
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: db-outside
  labels:
    kubernetes.io/service-name: db
addressType: IPv4
ports:
- port: 5432
endpoints:
- addresses: [198.51.100.20]
EOF
