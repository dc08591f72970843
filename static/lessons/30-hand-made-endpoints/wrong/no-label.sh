kubectl apply -f - <<EOF
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: db-outside
addressType: IPv4
ports:
- name: sql
  port: 5432
endpoints:
- addresses: [198.51.100.20]
EOF
