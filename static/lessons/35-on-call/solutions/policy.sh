kubectl delete networkpolicy default-deny -n billing
