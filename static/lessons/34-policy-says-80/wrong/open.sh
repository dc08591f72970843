kubectl delete networkpolicy web
